//! Bodies in memory: bounded each and together, also after decompression.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use axum::body::HttpBody;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::ingest::{BODY_BYTES_MAX, REFERENCE_BYTES_MAX};

use super::error::{ApiError, ApiResult};
use super::problem::ProblemKind;

/// Bytes of all bodies larger than 64 KiB that are held at a time, so the largest that any body may have.
pub const BODIES_BYTES_MAX: usize = 512 << 20;
/// Bodies up to this size, in bytes, are held without asking for room: the limit on concurrent requests bounds them.
const SMALL_BYTES: usize = 64 << 10;
/// Room is given out in pieces of this many bytes.
const ROOM_UNIT_BYTES: usize = 1 << 10;
/// Bytes that are decompressed at a time.
const STEP_BYTES: usize = 256 << 10;
/// Largest window of a zstd frame, as a power of two: 128 MiB is what `zstd --long` uses at most by default.
const ZSTD_WINDOW_LOG_MAX: u32 = 27;
/// Encodings that are taken.
const ENCODINGS: &str = "gzip, zstd";

/// Limits of bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyLimits {
    /// Largest body of rows or labels, in bytes, after decompression.
    pub batch_bytes_max: usize,
    /// Largest reference data set, in bytes, after decompression.
    pub reference_bytes_max: usize,
    /// Largest of all other bodies, in bytes, after decompression.
    pub document_bytes_max: usize,
    /// Bytes of all bodies larger than 64 KiB that are held at a time.
    pub total_bytes_max: usize,
    /// How long the server waits for a body.
    pub wait: Duration,
}

impl Default for BodyLimits {
    /// 64 MiB a batch, 256 MiB a reference data set, 1 MiB else, 512 MiB together, a minute.
    fn default() -> Self {
        Self {
            batch_bytes_max: BODY_BYTES_MAX,
            reference_bytes_max: REFERENCE_BYTES_MAX,
            document_bytes_max: 1 << 20,
            total_bytes_max: BODIES_BYTES_MAX,
            wait: Duration::from_mins(1),
        }
    }
}

/// Takes bodies in.
#[derive(Debug, Clone)]
pub struct Intake {
    limits: BodyLimits,
    room: Arc<Semaphore>,
}

/// A whole body. Its room is free again when it is dropped.
#[derive(Debug)]
pub struct Received {
    /// Decompressed.
    pub bytes: Bytes,
    room: Room,
}

/// What a body holds of the memory of all bodies.
#[derive(Debug)]
struct Room {
    of: Arc<Semaphore>,
    held: Option<OwnedSemaphorePermit>,
    units: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Identity,
    Gzip,
    Zstd,
}

impl Intake {
    /// Takes bodies within `limits`.
    pub fn new(limits: BodyLimits) -> Self {
        let units = (limits.total_bytes_max / ROOM_UNIT_BYTES).min(Semaphore::MAX_PERMITS);
        Self {
            limits,
            room: Arc::new(Semaphore::new(units)),
        }
    }

    /// The limits.
    pub fn limits(&self) -> BodyLimits {
        self.limits
    }

    /// Reads the body of a request, at most `bytes_max` of it.
    ///
    /// # Errors
    /// 408 if it does not arrive in time, 413 if it is too large, 415 for an unknown encoding, 400 if it is
    /// damaged or ends early, 503 if there is no room.
    pub async fn read(&self, request: Request, bytes_max: usize) -> ApiResult<Received> {
        let encoding = Encoding::of(request.headers())?;
        let declared = request.body().size_hint().lower();
        if declared > bytes_max as u64 {
            return Err(too_large(bytes_max));
        }
        let mut room = Room {
            of: Arc::clone(&self.room),
            held: None,
            units: 0,
        };
        let collected = collect(request.into_body(), bytes_max, &mut room);
        let bytes = tokio::time::timeout(self.limits.wait, collected)
            .await
            .map_err(|_| {
                let seconds = self.limits.wait.as_secs();
                ApiError::new(
                    ProblemKind::SlowBody,
                    format!("the body did not arrive within {seconds} seconds"),
                )
            })??;
        if encoding == Encoding::Identity {
            return Ok(Received { bytes, room });
        }
        tokio::task::spawn_blocking(move || decompress(&bytes, encoding, bytes_max, room))
            .await
            .map_err(|error| ApiError::caused(ProblemKind::Internal, error))?
    }
}

impl Received {
    /// How much of the memory of all bodies it holds, in KiB.
    pub fn room_kib(&self) -> usize {
        self.room.units
    }
}

impl Encoding {
    fn of(headers: &HeaderMap) -> ApiResult<Self> {
        let mut values = headers.get_all(CONTENT_ENCODING).iter();
        let Some(value) = values.next() else {
            return Ok(Self::Identity);
        };
        let name = value.to_str().unwrap_or_default().trim();
        match name.to_ascii_lowercase().as_str() {
            _ if values.next().is_some() => Err(unsupported(name)),
            "" | "identity" => Ok(Self::Identity),
            "gzip" | "x-gzip" => Ok(Self::Gzip),
            "zstd" => Ok(Self::Zstd),
            _ => Err(unsupported(name)),
        }
    }
}

impl Room {
    /// Makes room for a body that has become `bytes` long.
    fn grow_to(&mut self, bytes: usize) -> ApiResult<()> {
        if bytes <= SMALL_BYTES {
            return Ok(());
        }
        let units = bytes.div_ceil(ROOM_UNIT_BYTES);
        let more = units.saturating_sub(self.units);
        if more == 0 {
            return Ok(());
        }
        let more_units = u32::try_from(more).unwrap_or(u32::MAX);
        let permit = Arc::clone(&self.of)
            .try_acquire_many_owned(more_units)
            .map_err(|_| {
                ApiError::new(
                    ProblemKind::Busy,
                    "the server holds as many large bodies as it has room for",
                )
            })?;
        match &mut self.held {
            Some(held) => held.merge(permit),
            None => self.held = Some(permit),
        }
        self.units = units;
        Ok(())
    }
}

async fn collect(
    mut body: axum::body::Body,
    bytes_max: usize,
    room: &mut Room,
) -> ApiResult<Bytes> {
    // Most bodies are one frame: it is handed on without a copy.
    let mut first: Option<Bytes> = None;
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| {
            ApiError::new(ProblemKind::BadBody, "the body ends before it is complete")
        })?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        let length = first.as_ref().map_or(rest.len(), Bytes::len) + data.len();
        if length > bytes_max {
            return Err(too_large(bytes_max));
        }
        room.grow_to(length)?;
        match first.take() {
            None if rest.is_empty() => first = Some(data),
            None => rest.extend_from_slice(&data),
            Some(earlier) => {
                rest.extend_from_slice(&earlier);
                rest.extend_from_slice(&data);
            }
        }
    }
    Ok(first.unwrap_or_else(|| rest.freeze()))
}

fn decompress(
    bytes: &[u8],
    encoding: Encoding,
    bytes_max: usize,
    mut room: Room,
) -> ApiResult<Received> {
    let damaged = |error: &std::io::Error| {
        ApiError::new(
            ProblemKind::BadBody,
            format!("the body cannot be decompressed: {error}"),
        )
    };
    let mut reader: Box<dyn Read> = match encoding {
        Encoding::Identity => Box::new(bytes),
        Encoding::Gzip => Box::new(flate2::read::MultiGzDecoder::new(bytes)),
        Encoding::Zstd => {
            let mut decoder =
                zstd::stream::read::Decoder::with_buffer(bytes).map_err(|error| damaged(&error))?;
            decoder
                .window_log_max(ZSTD_WINDOW_LOG_MAX)
                .map_err(|error| damaged(&error))?;
            Box::new(decoder)
        }
    };
    // The compressed body keeps its room until the end: both are in memory.
    let compressed = bytes.len();
    let mut out = Vec::new();
    loop {
        let before = out.len();
        // One byte more than allowed tells a body that is too large from one that just fits.
        let step = STEP_BYTES.min(bytes_max + 1 - before);
        let read = reader
            .by_ref()
            .take(step as u64)
            .read_to_end(&mut out)
            .map_err(|error| damaged(&error))?;
        if read == 0 {
            break;
        }
        if out.len() > bytes_max {
            return Err(too_large(bytes_max));
        }
        room.grow_to(compressed + out.len())?;
    }
    Ok(Received {
        bytes: Bytes::from(out),
        room,
    })
}

fn too_large(bytes_max: usize) -> ApiError {
    ApiError::new(
        ProblemKind::TooLarge,
        format!("the body, decompressed, may have {bytes_max} bytes"),
    )
}

fn unsupported(name: &str) -> ApiError {
    ApiError::new(
        ProblemKind::UnsupportedType,
        format!("the content encoding '{name}' is not taken; these are: {ENCODINGS}"),
    )
    .with_header(ACCEPT_ENCODING, ENCODINGS)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use axum::body::Body;
    use futures_util::stream;

    use super::*;

    const LIMIT: usize = 200 << 10;

    fn intake() -> Intake {
        Intake::new(BodyLimits {
            total_bytes_max: 300 << 10,
            ..BodyLimits::default()
        })
    }

    fn request(encoding: Option<&str>, body: impl Into<Body>) -> Request {
        let mut builder = Request::builder();
        if let Some(encoding) = encoding {
            builder = builder.header(CONTENT_ENCODING, encoding);
        }
        builder.body(body.into()).unwrap()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    async fn kind(request: Request) -> ProblemKind {
        intake().read(request, LIMIT).await.unwrap_err().kind()
    }

    #[tokio::test]
    async fn a_body_may_be_as_long_as_the_limit_and_no_longer_in_every_encoding() {
        for size in [LIMIT, LIMIT + 1] {
            let plain = vec![b'x'; size];
            let frames: Vec<Result<Bytes, std::io::Error>> = plain
                .chunks(1000)
                .map(|chunk| Ok(Bytes::copy_from_slice(chunk)))
                .collect();
            let requests = [
                request(None, plain.clone()),
                request(None, Body::from_stream(stream::iter(frames))),
                request(Some("gzip"), gzip(&plain)),
                request(
                    Some("zstd"),
                    zstd::stream::encode_all(&plain[..], 1).unwrap(),
                ),
            ];
            for request in requests {
                match intake().read(request, LIMIT).await {
                    Ok(received) => assert_eq!(received.bytes, plain),
                    Err(error) => {
                        assert_eq!((error.kind(), size), (ProblemKind::TooLarge, LIMIT + 1));
                    }
                }
            }
        }
    }

    #[tokio::test]
    async fn a_bomb_is_refused_before_it_fills_the_memory() {
        let bomb = gzip(&vec![0; 64 << 20]);

        assert_eq!(
            kind(request(Some("gzip"), bomb)).await,
            ProblemKind::TooLarge
        );
    }

    #[tokio::test]
    async fn large_bodies_share_one_room_and_give_it_back() {
        let intake = intake();
        let body = || request(None, vec![b'x'; 190 << 10]);

        let first = intake.read(body(), LIMIT).await.unwrap();
        let second = intake.read(body(), LIMIT).await.unwrap_err();
        assert_eq!((first.room_kib(), second.kind()), (190, ProblemKind::Busy));
        let small = intake.read(request(None, "small"), LIMIT).await.unwrap();
        assert_eq!(small.room_kib(), 0);

        drop(first);
        assert!(intake.read(body(), LIMIT).await.is_ok());
    }

    #[tokio::test]
    async fn damage_and_unknown_encodings_are_named() {
        let damaged = [&gzip(b"hello")[..10], &[0_u8; 9]].concat();

        assert_eq!(
            kind(request(Some("gzip"), damaged)).await,
            ProblemKind::BadBody
        );
        assert_eq!(kind(request(Some("zstd"), "x")).await, ProblemKind::BadBody);
        assert_eq!(
            kind(request(Some("br"), "x")).await,
            ProblemKind::UnsupportedType
        );
    }

    #[tokio::test]
    async fn a_body_that_never_ends_is_not_waited_for() {
        let never = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
        let impatient = Intake::new(BodyLimits {
            wait: Duration::from_millis(1),
            ..BodyLimits::default()
        });

        let error = impatient
            .read(request(None, never), LIMIT)
            .await
            .unwrap_err();

        assert_eq!(error.kind(), ProblemKind::SlowBody);
    }
}
