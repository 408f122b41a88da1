package pixels_test

import (
	stdbytes "bytes"
	"image"
	"image/png"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/pixels"
)

// decode reads a PNG file as a picture of that many channels.
func decode(t *testing.T, file []byte, s pixels.Shape) []uint8 {
	t.Helper()
	img, err := png.Decode(stdbytes.NewReader(file))
	require.NoError(t, err)
	require.Equal(t, image.Rect(0, 0, s.Width, s.Height), img.Bounds())
	var four []uint8
	switch img := img.(type) {
	case *image.Gray:
		require.Equal(t, 1, s.Channels)
		return img.Pix
	case *image.NRGBA:
		four = img.Pix
	case *image.RGBA:
		require.True(t, img.Opaque())
		four = img.Pix
	default:
		t.Fatalf("decoded to %T", img)
	}
	var pix []uint8
	for i := 0; i < len(four); i += 4 {
		switch p := four[i : i+4]; s.Channels {
		case 2:
			require.True(t, p[0] == p[1] && p[1] == p[2], "not grey: %v", p)
			pix = append(pix, p[2:]...)
		default:
			pix = append(pix, p[:s.Channels]...)
		}
	}
	return pix
}

func randomPixels(s pixels.Shape) []uint8 {
	r := rand.New(rand.NewPCG(1, 2))
	pix := make([]uint8, s.Height*s.Width*s.Channels)
	for i := range pix {
		pix[i] = uint8(r.Uint32())
	}
	return pix
}

func TestPixelsComeBackFromPNGAsTheyWere(t *testing.T) {
	for channels, colorType := range map[int]byte{1: 0, 2: 4, 3: 2, 4: 6} {
		for _, s := range []pixels.Shape{
			{Height: 1, Width: 1}, {Height: 1, Width: 2}, {Height: 1, Width: 9000}, {Height: 9000, Width: 1},
			{Height: 7, Width: 3}, {Height: 9, Width: 16}, {Height: 5, Width: 65}, {Height: 30, Width: 200}, {Height: 300, Width: 1000},
		} {
			s.Channels = channels
			for name, pix := range map[string][]uint8{"random": randomPixels(s), "scene": scene(s, 1), "mask": mask(s), "zeros": make([]uint8, s.Height*s.Width*s.Channels)} {
				file, err := pixels.EncodePNG([]byte("before"), pix, s)
				require.NoError(t, err)
				require.Equal(t, "before", string(file[:6]))
				file = file[6:]
				require.Equal(t, colorType, file[25])
				require.True(t, stdbytes.Equal(pix, decode(t, file, s)), "%s of %v", name, s)
			}
		}
	}
}

func TestFileIsNotMuchLargerThanThatOfImagePNG(t *testing.T) {
	s := pixels.Shape{Height: 300, Width: 400, Channels: 3}
	for name, c := range map[string]struct {
		pix  []uint8
		more float64 // than image/png makes at BestSpeed
	}{
		"photo":  {scene(s, 4), 1.1},
		"smooth": {scene(s, 0), 1.1},
		"mask":   {mask(s), 1.1},
		"zeros":  {make([]uint8, len(randomPixels(s))), 1.1},
		"random": {randomPixels(s), 1.001},
	} {
		t.Run(name, func(t *testing.T) {
			file, err := pixels.EncodePNG(nil, c.pix, s)
			require.NoError(t, err)
			var theirs count
			encoder := png.Encoder{CompressionLevel: png.BestSpeed}
			require.NoError(t, encoder.Encode(&theirs, standard(c.pix, s)))
			assert.LessOrEqual(t, float64(len(file)), c.more*float64(theirs))
		})
	}
}

func TestEncodingIntoALargeEnoughSliceAllocatesNothing(t *testing.T) {
	encode, dst := pixels.Encoder(), make([]byte, 0, 1<<18)
	for channels := 1; channels <= 4; channels++ {
		s := pixels.Shape{Height: 100, Width: 120, Channels: channels}
		for _, pix := range [][]uint8{randomPixels(s), mask(s)} {
			assert.Zero(t, testing.AllocsPerRun(10, func() {
				if _, err := encode(dst, pix, s); err != nil {
					t.Error(err)
				}
			}))
		}
	}
}

func FuzzEncodePNG(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 8}, uint16(2), uint8(0))
	f.Add(make([]byte, 1<<14), uint16(100), uint8(3))
	f.Fuzz(func(t *testing.T, pix []byte, width uint16, channels uint8) {
		s := pixels.Shape{Width: int(width), Channels: int(channels%4) + 1}
		if row := s.Width * s.Channels; row > 0 {
			s.Height = len(pix) / row
			pix = pix[:s.Height*row]
		}
		file, err := pixels.EncodePNG(nil, pix, s)
		if s.Check(len(pix)) != nil {
			require.Error(t, err)
			return
		}
		require.NoError(t, err)
		require.True(t, stdbytes.Equal(pix, decode(t, file, s)))
	})
}

func TestTransparentPixelsKeepTheirColor(t *testing.T) {
	s := pixels.Shape{Height: 1, Width: 2, Channels: 4}
	pix := []uint8{10, 20, 30, 0, 200, 100, 50, 1}
	file, err := pixels.EncodePNG(nil, pix, s)
	require.NoError(t, err)
	assert.Equal(t, pix, decode(t, file, s))
}

func TestOpaquePictureWithAlphaLosesNothing(t *testing.T) {
	s := pixels.Shape{Height: 1, Width: 1, Channels: 4}
	pix := []uint8{10, 20, 30, 255}
	file, err := pixels.EncodePNG(nil, pix, s)
	require.NoError(t, err)
	assert.Equal(t, pix, decode(t, file, s))
}

func TestManyGoroutinesEncode(t *testing.T) {
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			s := pixels.Shape{Height: 10 + i, Width: 20, Channels: i%4 + 1}
			pix := randomPixels(s)
			for range 20 {
				file, err := pixels.EncodePNG(nil, pix, s)
				assert.NoError(t, err)
				if !assert.Equal(t, pix, decode(t, file, s)) {
					return
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkFromFloat32(b *testing.B) {
	s := pixels.Shape{Height: 768, Width: 1024, Channels: 3}
	data := make([]float32, s.Height*s.Width*s.Channels)
	for i, v := range randomPixels(s) {
		data[i] = float32(v) - 99
	}
	var pix []uint8
	for b.Loop() {
		var err error
		if pix, err = pixels.FromFloat32(pix[:0], data, s, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(data)), "ns/value")
}
