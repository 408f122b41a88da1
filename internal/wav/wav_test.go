package wav_test

import (
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/wav"
)

func encode(t *testing.T, sampleRate float64, channels int, samples ...float32) []byte {
	t.Helper()
	file, err := wav.Encode(nil, samples, sampleRate, channels)
	require.NoError(t, err)
	return file
}

func TestFileIsTheOneThatTensorFlowsTestsExpect(t *testing.T) {
	for _, c := range []struct {
		name     string
		channels int
		want     string
	}{
		{"mono", 1, "524946462c00000057415645666d7420100000000100010044ac000088580100020010006461746108000000" + "0000ff7f00000080"},
		{"stereo", 2, "524946462c00000057415645666d7420100000000100020044ac000010b10200040010006461746108000000" + "0000ff7f00000080"},
	} {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, c.want, hex.EncodeToString(encode(t, 44100, c.channels, 0, 1, 0, -1)))
		})
	}
}

func TestFileHasTwoBytesASample(t *testing.T) {
	six := []float32{0, 0.1, 0.2, 0.3, 0.4, 0.5}
	for _, sampleRate := range []float64{1, 11025, 44100, math.MaxUint32} {
		assert.Len(t, encode(t, sampleRate, 2, six...), 44+2*6)
		assert.Len(t, encode(t, sampleRate, 1, six...), 44+2*6)
		assert.Len(t, encode(t, sampleRate, 1, six[:5]...), 44+2*5)
	}
}

func TestSampleIsRoundedAwayFromZeroAndClipped(t *testing.T) {
	const step = 1.0 / 32768
	for _, c := range []struct {
		sample float64
		want   int16
	}{
		{0, 0},
		{math.Copysign(0, -1), 0},
		{0.5 * step, 1},
		{-0.5 * step, -1},
		{math.Nextafter(0.5, 0) * step, 1}, // 0.5 as a float32
		{float64(math.Nextafter32(0.5, 0)) * step, 0},
		{1.5 * step, 2},
		{-2.5 * step, -3},
		{math.SmallestNonzeroFloat32, 0},
		{1 - 2*step, 32766},
		{1 - 1.5*step, 32767},
		{1 - step, 32767},
		{1, 32767},
		{math.MaxFloat64, 32767},
		{math.Inf(1), 32767},
		{-1 + step, -32767},
		{-1, -32768},
		{-1 - step, -32768},
		{-math.MaxFloat32, -32768},
		{math.Inf(-1), -32768},
		{math.NaN(), 0},
	} {
		file, err := wav.Encode(nil, []float64{c.sample}, 1, 1)
		require.NoError(t, err)
		assert.Equal(t, c.want, int16(uint16(file[44])|uint16(file[45])<<8), "of %v", c.sample)
		narrow := encode(t, 1, 1, float32(c.sample))
		assert.Equal(t, narrow, file)
	}
}

func TestSampleRateIsRoundedToEven(t *testing.T) {
	for _, c := range []struct {
		rate float64
		want uint32
	}{
		{44100, 44100}, {0.2, 1}, {math.SmallestNonzeroFloat64, 1}, {1.5, 2}, {2.5, 2}, {math.MaxUint32, math.MaxUint32},
	} {
		s, err := wav.Decode(encode(t, c.rate, 1, 0))
		require.NoError(t, err)
		assert.Equal(t, c.want, s.SampleRate)
	}
}

func TestFileIsAppended(t *testing.T) {
	file, err := wav.Encode([]byte("before"), []float32{1}, 8000, 1)
	require.NoError(t, err)
	assert.Equal(t, append([]byte("before"), encode(t, 8000, 1, 1)...), file)
}

func TestEncodeNamesWhatItRefuses(t *testing.T) {
	for _, c := range []struct {
		sampleRate        float64
		samples, channels int
		want              string
	}{
		{0, 0, 1, "wav: sample rate 0, want more than 0 and less than 2³²"},
		{-1, 0, 1, "sample rate -1"},
		{math.NaN(), 0, 1, "sample rate NaN"},
		{math.Inf(1), 0, 1, "sample rate +Inf"},
		{1 << 32, 0, 1, "sample rate 4.294967296e+09"},
		{8000, 0, 0, "wav: 0 channels, want 1 to 65535"},
		{8000, 0, -2, "-2 channels"},
		{8000, 0, 1 << 16, "65536 channels"},
		{8000, 3, 2, "wav: 3 samples, want a multiple of the 2 channels"},
	} {
		dst := []byte{7}
		got, err := wav.Encode(dst, make([]float32, c.samples), c.sampleRate, c.channels)
		assert.ErrorContains(t, err, c.want)
		assert.Equal(t, dst, got)
	}
	assert.Len(t, encode(t, 8000, 1<<16-1), 44)
	assert.NoError(t, wav.CheckSizes(1<<31-22-1, 1))
	assert.EqualError(t, wav.CheckSizes(1<<31-22, 1), "wav: 2147483626 samples, want at most 2147483625: the size of a file is a uint32")
}

func TestEncodeIntoALargeEnoughSliceAllocatesNothing(t *testing.T) {
	dst := make([]byte, 0, 1000)
	narrow, wide := make([]float32, 100), make([]float64, 100)
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		if _, err := wav.Encode(dst, narrow, 8000, 2); err != nil {
			t.Error(err)
		}
		if _, err := wav.Encode(dst, wide, 8000, 2); err != nil {
			t.Error(err)
		}
	}))
}

func TestDecodeGivesTheSamplesBack(t *testing.T) {
	samples := []float32{0, 0.1, 0.2, 0.3, -0.4, -1}
	s, err := wav.Decode(encode(t, 44100, 2, samples...))
	require.NoError(t, err)
	assert.Equal(t, uint32(44100), s.SampleRate)
	assert.Equal(t, 2, s.Channels)
	require.InDeltaSlice(t, samples, s.Samples, 1e-4)

	s, err = wav.Decode(encode(t, 44100, 2))
	require.NoError(t, err)
	assert.Equal(t, wav.Sound{SampleRate: 44100, Channels: 2}, s)
}

func TestDecodePassesOverOtherChunks(t *testing.T) {
	file := encode(t, 8000, 1, 0.5)
	want := wav.Sound{SampleRate: 8000, Channels: 1, Samples: []float32{0.5}}
	for name, edited := range map[string][]byte{
		"of an even size before the samples": insert(file, 36, "LIST\x02\x00\x00\x00ab"),
		"of an odd size before the samples":  insert(file, 36, "LIST\x01\x00\x00\x00a\x00"),
		"behind the samples":                 insert(file, len(file), "LIST\x02"),
		"a format that is longer":            insert(replace(file, 16, "\x12"), 36, "\x00\x00"),
	} {
		t.Run(name, func(t *testing.T) {
			s, err := wav.Decode(edited)
			require.NoError(t, err)
			assert.Equal(t, want, s)
		})
	}
}

func insert(file []byte, at int, text string) []byte {
	return append(append(append([]byte(nil), file[:at]...), text...), file[at:]...)
}

func replace(file []byte, at int, text string) []byte {
	edited := append([]byte(nil), file...)
	copy(edited[at:], text)
	return edited
}

func TestDecodeRefusesAFileThatEndsAnywhereTooEarly(t *testing.T) {
	file := insert(encode(t, 8000, 2, 0, 1, 0, -1), 36, "LIST\x01\x00\x00\x00a\x00")
	for size := range len(file) {
		_, err := wav.Decode(file[:size:size])
		require.ErrorIs(t, err, io.ErrUnexpectedEOF, "of %d bytes", size)
	}
}

func TestDecodeNamesWhatItRefuses(t *testing.T) {
	file := encode(t, 8000, 1, 0.5)
	for _, c := range []struct {
		at         int
		text, want string
	}{
		{0, "RIFX", `wav: "RIFX" at offset 0, want "RIFF"`},
		{8, "AVI ", `wav: "AVI " at offset 8, want "WAVE"`},
		{12, "LIST", `wav: "LIST" at offset 12, want "fmt "`},
		{16, "\x11", "wav: format of 17 bytes, want 16 or 18"},
		{16, "\x00", "wav: format of 0 bytes, want 16 or 18"},
		{20, "\x03", "wav: format 3, want linear samples, 1"},
		{22, "\x00", "wav: no channels"},
		{22, "\x02", "wav: 2 bytes a frame, want 4 for 2 channels"},
		{24, "\x00", "wav: 16000 bytes a second, want 15872 for 7936 frames"},
		{34, "\x08", "wav: 8 bits a sample, want 16"},
		{40, "\x01", "wav: data of 1 bytes, want a multiple of the frame's 2"},
		{40, "\xfe\xff\xff\xff", "wav: 2 bytes at offset 44, want 4294967294: unexpected EOF"},
		{36, "LIST\xfe\xff\xff\xff", "wav: 2 bytes at offset 44, want 4294967294: unexpected EOF"},
	} {
		_, err := wav.Decode(replace(file, c.at, c.text))
		assert.EqualError(t, err, c.want)
	}
}

func FuzzDecode(f *testing.F) {
	for _, channels := range []int{1, 2, 3} {
		file, err := wav.Encode(nil, []float32{0, 1, -1, 0.25, -0.25, 0.001}, 44100, channels)
		require.NoError(f, err)
		f.Add(file)
		f.Add(insert(file, 36, "LIST\x01\x00\x00\x00a\x00"))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		s, err := wav.Decode(file)
		if err != nil {
			require.Zero(t, s)
			return
		}
		if s.SampleRate == 0 {
			return // which Encode does not write
		}
		again, err := wav.Encode(nil, s.Samples, float64(s.SampleRate), s.Channels)
		require.NoError(t, err)
		twice, err := wav.Decode(again)
		require.NoError(t, err)
		require.Equal(t, s, twice)
	})
}

func BenchmarkEncode(b *testing.B) {
	samples := make([]float32, 1<<20)
	for i := range samples {
		samples[i] = float32(math.Sin(float64(i)))
	}
	for _, channels := range []int{1, 2} {
		b.Run(fmt.Sprintf("%d channels", channels), func(b *testing.B) {
			var file []byte
			for b.Loop() {
				var err error
				if file, err = wav.Encode(file[:0], samples, 44100, channels); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(samples)), "ns/sample")
		})
	}
}
