//! What a token becomes once it was seen.
