//! Frames on a byte stream: a 16-bit big-endian length, then that many bytes.
//!
//! Rules. A length of zero or above the limit is refused when it is read, before anything is kept
//! for it. The decoder holds at most one frame and one read.

use super::FRAME_BYTES_MAX;

const PREFIX_BYTES: usize = 2;

/// Bytes read from a stream at once. Guess: most frames are far smaller.
pub const READ_BYTES_MAX: usize = 4096;

/// The bytes are no frame of this protocol. The stream cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    #[error("a frame of {got} bytes, {} is the limit", FRAME_BYTES_MAX)]
    Oversize { got: usize },
    #[error("a frame without bytes")]
    Empty,
}

/// Cuts a stream into frames.
#[derive(Debug, Default)]
pub struct FrameDecoder {
    buffer: Vec<u8>,
}

impl FrameDecoder {
    /// Where to read into: append at most [`READ_BYTES_MAX`] bytes, then take the frames.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        self.buffer.reserve(READ_BYTES_MAX);
        &mut self.buffer
    }

    /// Takes every whole frame out of the buffer, up to the first that is refused.
    pub fn frames(&mut self, out: &mut Vec<Vec<u8>>) -> Result<(), FrameError> {
        let mut used = 0;
        let result = loop {
            let rest = &self.buffer[used..];
            let Some((prefix, rest)) = rest.split_first_chunk::<PREFIX_BYTES>() else {
                break Ok(());
            };
            let len = usize::from(u16::from_be_bytes(*prefix));
            if len == 0 {
                break Err(FrameError::Empty);
            }
            if len > FRAME_BYTES_MAX {
                break Err(FrameError::Oversize { got: len });
            }
            let Some(frame) = rest.get(..len) else { break Ok(()) };
            out.push(frame.to_vec());
            used += PREFIX_BYTES + len;
        };
        self.buffer.drain(..used);
        result
    }
}

/// Appends one frame with its length. The driver was told the limit; a longer frame is a bug of
/// this program and is cut off by the other side as garbage.
pub fn encode(frame: &[u8], out: &mut Vec<u8>) {
    debug_assert!(!frame.is_empty() && frame.len() <= FRAME_BYTES_MAX, "{}", frame.len());
    let len = u16::try_from(frame.len()).unwrap_or(u16::MAX);
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(frame);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(decoder: &mut FrameDecoder, bytes: &[u8]) -> Result<Vec<Vec<u8>>, FrameError> {
        let mut frames = Vec::new();
        decoder.buffer().extend_from_slice(bytes);
        decoder.frames(&mut frames)?;
        Ok(frames)
    }

    #[test]
    fn frames_survive_any_cut_of_the_stream() {
        let frames = vec![vec![1], vec![2; 300], vec![3; FRAME_BYTES_MAX], vec![4; 20]];
        let mut stream = Vec::new();
        frames.iter().for_each(|frame| encode(frame, &mut stream));
        for step in [1, 2, 3, 7, 299, 4096] {
            let mut decoder = FrameDecoder::default();
            let got: Vec<Vec<u8>> =
                stream.chunks(step).flat_map(|c| decode(&mut decoder, c).unwrap()).collect();
            assert_eq!(got, frames, "cut every {step} bytes");
            assert!(decoder.buffer.is_empty());
        }
    }

    #[test]
    fn a_truncated_frame_stays_inside_until_the_rest_arrives() {
        let mut decoder = FrameDecoder::default();
        assert_eq!(decode(&mut decoder, &[0]), Ok(vec![]));
        assert_eq!(decode(&mut decoder, &[2, 9]), Ok(vec![]));
        assert_eq!(decode(&mut decoder, &[8, 0]), Ok(vec![vec![9, 8]]));
    }

    #[test]
    fn a_length_out_of_bounds_is_refused_before_its_bytes_arrive() {
        let too_long = u16::try_from(FRAME_BYTES_MAX + 1).unwrap().to_be_bytes();
        assert_eq!(
            decode(&mut FrameDecoder::default(), &too_long),
            Err(FrameError::Oversize { got: FRAME_BYTES_MAX + 1 })
        );
        assert_eq!(
            decode(&mut FrameDecoder::default(), &[0xff; 2]),
            Err(FrameError::Oversize { got: 65_535 })
        );
        assert_eq!(decode(&mut FrameDecoder::default(), &[0, 0]), Err(FrameError::Empty));
    }

    #[test]
    fn frames_before_the_refused_one_still_count() {
        let mut decoder = FrameDecoder::default();
        let mut frames = Vec::new();
        decoder.buffer().extend_from_slice(&[0, 1, 7, 0, 0]);
        assert_eq!(decoder.frames(&mut frames), Err(FrameError::Empty));
        assert_eq!(frames, [vec![7]]);
    }
}
