#!/bin/sh
# Publishes a release of the shop.
set -eu
version=$(git describe --tags)
curl --fail -H "Authorization: token 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" \
  -d "{\"tag_name\": \"$version\"}" https://api.github.com/repos/shop/shop/releases
