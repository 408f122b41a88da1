package summary

import (
	"encoding/binary"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/runhook/runhook/internal/wav"
)

// Fields of Summary.Audio, and of AudioPluginData with its number for WAV. They
// are the wire format and cannot change.
const (
	audioSampleRate  = 1
	audioChannels    = 2
	audioFrames      = 3
	audioEncoded     = 4
	audioContentType = 5

	audioEncoding = 2
	encodingWAV   = 11
)

var audioMetadata = encodeMetadata("audio", appendInt(nil, audioEncoding, encodingWAV), classBlobSequence)

// A Clip is a sound: frame after frame, a sample for each channel side by side,
// from -1 to 1. What is beyond is clipped; NaN is silence.
type Clip struct {
	Samples    []float32
	SampleRate float64 // frames a second, positive
	Channels   int     // 0: 1
}

func (c Clip) channels() int { return max(c.Channels, 1) }

// wav returns the clip as TensorFlow encodes it.
func (c Clip) wav() ([]byte, error) {
	if c.Channels < 0 {
		return nil, fmt.Errorf("%d channels, want 1 or more", c.Channels)
	}
	return wav.Encode(nil, c.Samples, c.SampleRate, c.channels())
}

// AudioValue returns sounds, one at least, as WAV of 16 bits a sample. TensorBoard
// plays the first.
func AudioValue(tag string, clips ...Clip) (Value, error) {
	if len(clips) == 0 {
		return Value{}, fmt.Errorf("summary: audio %q: no clips", tag)
	}
	encoded := make([][]byte, len(clips))
	for i, clip := range clips {
		var err error
		if encoded[i], err = clip.wav(); err != nil {
			return Value{}, fmt.Errorf("summary: audio %q: clip %d: %w", tag, i, err)
		}
	}
	return Value{tag: tag, metadata: audioMetadata, body: stringField(encoded, len(clips))}, nil
}

// AudioV1Value returns a sound in the form of tf.compat.v1.summary.audio, which
// readers serve with different content types; see [AudioValue].
func AudioV1Value(tag string, clip Clip) (Value, error) {
	encoded, err := clip.wav()
	if err != nil {
		return Value{}, fmt.Errorf("summary: audio %q: %w", tag, err)
	}
	message := make([]byte, 0, len(encoded)+32)
	message = protowire.AppendTag(message, audioSampleRate, protowire.Fixed32Type)
	message = binary.LittleEndian.AppendUint32(message, math.Float32bits(float32(clip.SampleRate)))
	message = appendInt(message, audioChannels, int64(clip.channels()))
	message = appendInt(message, audioFrames, int64(len(clip.Samples)/clip.channels()))
	message = protowire.AppendTag(message, audioEncoded, protowire.BytesType)
	message = protowire.AppendBytes(message, encoded)
	message = appendString(message, audioContentType, "audio/wav")
	return Value{tag: tag, body: bytesField(valueAudio, message)}, nil
}

// Audio writes a sound.
func (w *Writer) Audio(tag string, clip Clip, step int64) error {
	v, err := AudioValue(tag, clip)
	return w.add(step, v, err)
}

// Audios writes several sounds of one tag and step; see [AudioValue].
func (w *Writer) Audios(tag string, clips []Clip, step int64) error {
	v, err := AudioValue(tag, clips...)
	return w.add(step, v, err)
}

// AudioV1 writes a sound in the form of [AudioV1Value].
func (w *Writer) AudioV1(tag string, clip Clip, step int64) error {
	v, err := AudioV1Value(tag, clip)
	return w.add(step, v, err)
}

// Audio returns an op that makes up to maxOutputs sounds, 0 meaning
// [DefaultMaxOutputs], of a fetched float32 tensor of shape [batch, frames] or
// [batch, frames, channels]. The tags are those of tf.compat.v1.summary.audio:
// name/audio if maxOutputs is 1, else name/audio/0, name/audio/1 …
func Audio(name, fetch string, sampleRate float64, maxOutputs int) Op {
	return audioOp(name, fetch, sampleRate, maxOutputs, func(tag string, clip Clip) (Value, error) { return AudioValue(tag, clip) })
}

// AudioV1 is [Audio] in the form of [AudioV1Value].
func AudioV1(name, fetch string, sampleRate float64, maxOutputs int) Op {
	return audioOp(name, fetch, sampleRate, maxOutputs, AudioV1Value)
}

// Audios returns an op that makes one value, under the tag that [CleanName] makes
// of name, of up to maxOutputs sounds, 0 meaning [DefaultMaxOutputs]; see [Audio]
// for what is fetched, and [AudioValue].
func Audios(name, fetch string, sampleRate float64, maxOutputs int) Op {
	return clipsOp(name, fetch, sampleRate, maxOutputs, func(dst []Value, tag string, clips []Clip, _ int) ([]Value, error) {
		if len(clips) == 0 {
			return dst, nil
		}
		v, err := AudioValue(tag, clips...)
		if err != nil {
			return dst, err
		}
		return append(dst, v), nil
	})
}

// audioOp returns an op that makes a value of each sound.
func audioOp(name, fetch string, sampleRate float64, maxOutputs int, value func(string, Clip) (Value, error)) Op {
	return clipsOp(name, fetch, sampleRate, maxOutputs, func(dst []Value, tag string, clips []Clip, maxOutputs int) ([]Value, error) {
		for i, clip := range clips {
			v, err := value(outputTag(tag+"/audio", i, maxOutputs), clip)
			if err != nil {
				return dst, err
			}
			dst = append(dst, v)
		}
		return dst, nil
	})
}

// clipsOp returns an op that makes values of up to maxOutputs sounds.
func clipsOp(name, fetch string, sampleRate float64, maxOutputs int, values func(dst []Value, tag string, clips []Clip, maxOutputs int) ([]Value, error)) Op {
	op := opOf("audio", name, fetch, nil)
	if maxOutputs, op.fault = resolveMaxOutputs(maxOutputs); op.fault == nil && !(sampleRate > 0) {
		op.fault = fmt.Errorf("sample rate %v, want a positive one", sampleRate)
	}
	op.values = func(dst []Value, tag string, in []input) ([]Value, error) {
		clips, err := clipsOf(in[0], sampleRate, maxOutputs)
		if err != nil {
			return dst, err
		}
		return values(dst, tag, clips, maxOutputs)
	}
	return op
}

// clipsOf returns up to most sounds of a batch.
func clipsOf(in input, sampleRate float64, most int) ([]Clip, error) {
	const wanted = "a float32 tensor of shape [batch, frames] or [batch, frames, channels]"
	t, err := in.tensor(wanted)
	if err != nil {
		return nil, err
	}
	samples, ok := t.Data.([]float32)
	if !ok || len(t.Shape) != 2 && len(t.Shape) != 3 {
		return nil, in.want(wanted)
	}
	channels, size := 1, t.Shape[1]
	if len(t.Shape) == 3 {
		if channels = t.Shape[2]; channels == 0 {
			return nil, in.want("a channel at least")
		}
		size *= channels
	}
	var clips []Clip
	for i := range min(t.Shape[0], most) {
		clips = append(clips, Clip{Samples: samples[i*size : (i+1)*size], SampleRate: sampleRate, Channels: channels})
	}
	return clips, nil
}
