package pixels_test

import (
	stdbytes "bytes"
	"fmt"
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
	const grey, rgb, rgba = 0, 2, 6 // the color types of the PNG format
	for channels, want := range map[int]byte{1: grey, 2: rgba, 3: rgb, 4: rgba} {
		for _, s := range []pixels.Shape{{Height: 1, Width: 1}, {Height: 7, Width: 3}, {Height: 30, Width: 200}} {
			s.Channels = channels
			pix := randomPixels(s)
			file, err := pixels.EncodePNG([]byte("before"), pix, s)
			require.NoError(t, err)
			require.Equal(t, "before", string(file[:6]))
			file = file[6:]
			assert.Equal(t, want, file[25])
			assert.Equal(t, pix, decode(t, file, s))
		}
	}
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

func BenchmarkEncodePNG(b *testing.B) {
	for _, s := range []pixels.Shape{{Height: 768, Width: 1024, Channels: 3}, {Height: 28, Width: 28, Channels: 1}} {
		smooth := make([]uint8, s.Height*s.Width*s.Channels)
		for i := range smooth {
			smooth[i] = uint8(i / s.Channels % s.Width / 4)
		}
		for name, pix := range map[string][]uint8{"smooth": smooth, "random": randomPixels(s)} {
			b.Run(fmt.Sprintf("%s %dx%dx%d", name, s.Height, s.Width, s.Channels), func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(len(pix)))
				var file []byte
				for b.Loop() {
					var err error
					if file, err = pixels.EncodePNG(file[:0], pix, s); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
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
