//! Reads a body, up to a limit.

use std::pin::pin;

use bytes::{Buf, Bytes, BytesMut};
use http_body::Body;
use http_body_util::BodyExt as _;

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// It is longer than the limit.
    TooLong,
    /// It broke off.
    Broken,
}

/// All of `body`, if that is no more than `limit` bytes. One frame is copied nowhere.
pub(crate) async fn read<B: Body>(body: B, limit: usize) -> Result<Bytes, ReadError> {
    if body.size_hint().lower() > limit as u64 {
        return Err(ReadError::TooLong);
    }
    let mut body = pin!(body);
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(mut data) = frame.map_err(|_| ReadError::Broken)?.into_data() else { continue };
        let len = data.remaining();
        if first.len() + all.len() + len > limit {
            return Err(ReadError::TooLong);
        }
        let piece = data.copy_to_bytes(len);
        if first.is_empty() && all.is_empty() {
            first = piece;
        } else {
            all.extend_from_slice(&std::mem::take(&mut first));
            all.extend_from_slice(&piece);
        }
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;

    use super::*;

    #[tokio::test]
    async fn a_body_is_read_up_to_the_limit() {
        for (len, limit, is_read) in [(0, 0, true), (5, 5, true), (6, 5, false), (1, 0, false)] {
            let bytes = Bytes::from(vec![b'x'; len]);
            let read = read(Full::new(bytes.clone()), limit).await;
            assert_eq!(
                read,
                if is_read { Ok(bytes) } else { Err(ReadError::TooLong) },
                "{len} {limit}"
            );
        }
    }
}
