//! Rows of the table of requests whose tokens are encoded: a few of the views, and the content encodings.

use super::message::{Message, filler_with};
use super::requests::{Row, row};
use crate::encoded;

pub fn rows() -> Vec<Row> {
    vec![
        row("query, percent-encoded twice", "query percent key", |token| {
            let twice = encoded::percent(token).replace('%', "%25");
            Message::get(format!("/q?a=1&key={twice}&b=2"))
        }),
        row("query, base64 and percent-encoded", "query percent+base64 key", |token| {
            let text = encoded::percent(&encoded::base64(format!("user:{token}").as_bytes()));
            Message::get(format!("/q?key={text}"))
        }),
        row("body, JSON escapes", "body json -", |token| {
            Message::post("/", format!("{{\"key\":\"{}\"}}", encoded::json(token)))
        }),
        row("body, JSON escapes split over TCP segments", "body json -", |token| {
            let escaped = encoded::json(token);
            Message::post("/", format!("{{\"key\":\"{escaped}\"}}")).cut_in(&escaped)
        }),
        row("body, base64", "body base64 -", |token| {
            let text = encoded::base64(format!("user:{token}:x").as_bytes());
            Message::post("/", format!("{{\"key\":\"{text}\"}}"))
        }),
        row("body, UTF-16", "body utf16 -", |token| {
            Message::post("/", encoded::utf16(&format!("<key>{token}</key>")))
        }),
        row("body, gzip", "body gzip -", |token| {
            let body = gzip(format!("{{\"key\":\"{token}\"}}").as_bytes());
            Message::post("/", body).header("Content-Encoding", "gzip")
        }),
        row("body, JSON escapes in gzip", "body json+gzip -", |token| {
            let body = gzip(format!("{{\"key\":\"{}\"}}", encoded::json(token)).as_bytes());
            Message::post("/", body).header("content-encoding", "GZIP")
        }),
        row("body, gzip, one byte a chunk", "body gzip -", |token| {
            let body = gzip(format!("{{\"key\":\"{token}\"}}").as_bytes());
            Message::chunked("/", body.iter().map(|byte| vec![*byte]).collect())
                .header("Content-Encoding", "gzip")
        }),
        row("body, deflate", "body deflate -", |token| {
            let body = zlib(format!("{{\"key\":\"{token}\"}}").as_bytes());
            Message::post("/", body).header("Content-Encoding", "deflate")
        }),
        // In a temporary file, and scanned in several portions.
        row("body, gzip in a temporary file", "body gzip -", |token| {
            let mut text = noise(400_000);
            text[390_000..390_000 + token.len()].copy_from_slice(token.as_bytes());
            Message::post("/", gzip(&text)).header("Content-Encoding", "gzip")
        }),
        row("body, gzip in memory, in portions", "body gzip -", |token| {
            let mut text = noise(400_000);
            text[390_000..390_000 + token.len()].copy_from_slice(token.as_bytes());
            Message::post("/memory/", gzip(&text)).header("Content-Encoding", "gzip")
        }),
        // Little goes in, much comes out.
        row("body, gzip, behind a megabyte of text", "body gzip -", |token| {
            let body = gzip(&filler_with(1_000_000, 999_000, token));
            Message::post("/", body).header("Content-Encoding", "gzip")
        }),
        row("body, said to be gzip, as it is", "body raw -", |token| {
            Message::post("/", format!("{{\"key\":\"{token}\"}}"))
                .header("Content-Encoding", "gzip")
        }),
    ]
}

fn gzip(text: &[u8]) -> Vec<u8> {
    encoded::gzip(text).unwrap_or_default()
}

fn zlib(text: &[u8]) -> Vec<u8> {
    encoded::zlib(text).unwrap_or_default()
}

/// Letters that cannot be compressed to less than three quarters.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 7_u64;
    let mut letter = || {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        b"0123456789abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ\n"
            [(state >> 33) as usize % 64]
    };
    (0..length).map(|_| letter()).collect()
}
