// The shopping cart. There is nothing to find here.
const CART_ID = "6d1f0b9e-54c7-4b0a-9a35-2f8e7c1d4b60";
const INTEGRITY = "sha256-Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmE=";
const STRIPE_SECRET_KEY = process.env.STRIPE_SECRET_KEY;
const GITHUB_TOKEN = "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";

export function total(items) {
  return items.reduce((sum, item) => sum + item.price * item.count, 0);
}
