// Package wav encodes sound as WAV files of 16 bits a sample, as TensorFlow's
// audio summary ops do (tensorflow/core/lib/wav/wav_io.cc), equal in every
// byte, and decodes such files.
//
// Samples are a flat slice: frame after frame, the samples of a frame, one for
// each channel, side by side. 1 is the greatest value, -1 the least. A file is
//
//	offset  size  content
//	     0     4  RIFF
//	     4     4  size of what follows: 36 + n
//	     8     8  WAVE, fmt and a blank
//	    16     4  size of the format: 16
//	    20     2  1, linear samples
//	    22     2  channels
//	    24     4  frames a second
//	    28     4  bytes a second
//	    32     2  bytes a frame
//	    34     2  16, bits a sample
//	    36     4  data
//	    40     4  n, the size of the samples
//	    44     n  int16 samples
//
// with all numbers in little-endian order.
package wav

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

const (
	headerSize     = 44
	riffHeaderSize = 8 // RIFF and the size, which does not count them
	formatSize     = 16
	linear         = 1
	sampleSize     = 2
	sampleBits     = 8 * sampleSize
	fullScale      = 1 << (sampleBits - 1)
)

// Encode appends samples to dst as a WAV file. A sample is rounded, halves away
// from zero, and clipped: 1 becomes 32767, -1 becomes -32768, NaN 0. A float64
// is made a float32 first. The sample rate, in frames a second, is rounded,
// halves to even, and at least 1 in the file. There may be no samples; otherwise
// their number is a multiple of channels. Encode is safe for concurrent use.
func Encode[T float32 | float64](dst []byte, samples []T, sampleRate float64, channels int) ([]byte, error) {
	rate, err := fileRate(sampleRate)
	if err != nil {
		return dst, err
	}
	if err := checkSizes(uint64(len(samples)), channels); err != nil {
		return dst, err
	}
	size := uint32(sampleSize * len(samples))
	frame := uint32(sampleSize * channels)
	dst = slices.Grow(dst, headerSize+int(size))

	le := binary.LittleEndian
	dst = append(dst, "RIFF"...)
	dst = le.AppendUint32(dst, headerSize-riffHeaderSize+size)
	dst = append(dst, "WAVEfmt "...)
	dst = le.AppendUint32(dst, formatSize)
	dst = le.AppendUint16(dst, linear)
	dst = le.AppendUint16(dst, uint16(channels))
	dst = le.AppendUint32(dst, rate)
	dst = le.AppendUint32(dst, rate*frame) // cut off like TensorFlow's if it overflows
	dst = le.AppendUint16(dst, uint16(frame))
	dst = le.AppendUint16(dst, sampleBits)
	dst = append(dst, "data"...)
	dst = le.AppendUint32(dst, size)
	for _, x := range samples {
		dst = le.AppendUint16(dst, uint16(quantize(float32(x))))
	}
	return dst, nil
}

func checkSizes(samples uint64, channels int) error {
	const most = (math.MaxUint32 - headerSize) / sampleSize
	switch {
	case channels < 1 || channels > math.MaxUint16:
		return fmt.Errorf("wav: %d channels, want 1 to %d", channels, math.MaxUint16)
	case samples > most:
		return fmt.Errorf("wav: %d samples, want at most %d: the size of a file is a uint32", samples, most)
	case samples%uint64(channels) != 0:
		return fmt.Errorf("wav: %d samples, want a multiple of the %d channels", samples, channels)
	}
	return nil
}

// fileRate is the sample rate that goes into the file.
func fileRate(sampleRate float64) (uint32, error) {
	rounded := math.RoundToEven(sampleRate)
	if !(sampleRate > 0 && rounded <= math.MaxUint32) {
		return 0, fmt.Errorf("wav: sample rate %v, want more than 0 and less than 2³²", sampleRate)
	}
	return max(uint32(rounded), 1), nil
}

func quantize(x float32) int16 {
	if x != x {
		return 0
	}
	// Exact in float64, so adding a half and cutting off rounds.
	v := min(max(float64(x)*fullScale, math.MinInt16), math.MaxInt16)
	return int16(v + math.Copysign(0.5, v))
}
