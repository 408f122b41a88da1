package eventlog_test

import (
	"bytes"
	"encoding/hex"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/summary/eventlog"
)

// pictures are one of 5 by 3 pixels in each format.
func pictures(t testing.TB) map[string][]byte {
	t.Helper()
	m := image.NewPaletted(image.Rect(0, 0, 5, 3), color.Palette{color.Black, color.White})
	files := make(map[string]*bytes.Buffer)
	for _, format := range []string{"png", "jpeg", "gif", "bmp"} {
		files[format] = new(bytes.Buffer)
	}
	require.NoError(t, png.Encode(files["png"], m))
	require.NoError(t, jpeg.Encode(files["jpeg"], m, nil))
	require.NoError(t, gif.Encode(files["gif"], m, nil))
	bmp, err := hex.DecodeString("424d72000000000000003600000028000000" + "05000000" + "fdffffff" + "01001800" + "00000000")
	require.NoError(t, err)
	files["bmp"].Write(bmp)
	out := make(map[string][]byte)
	for format, file := range files {
		out[format] = file.Bytes()
	}
	return out
}

func TestPictureHeadersOfAllFormats(t *testing.T) {
	for format, file := range pictures(t) {
		header, err := eventlog.ParsePictureHeader(file)
		require.NoError(t, err, format)
		require.Equal(t, eventlog.PictureHeader{Format: format, Width: 5, Height: 3}, header)
	}
	for _, bad := range []string{"", "BM", "text", "\x89PNG\r\n\x1a\n", "GIF89a\x01"} {
		_, err := eventlog.ParsePictureHeader([]byte(bad))
		require.ErrorContains(t, err, "eventlog: picture")
	}
}

// All pictures of all writers are of the size that their events say.
func TestPictureHeadersOfTheGoldens(t *testing.T) {
	n := 0
	for _, g := range goldens(t) {
		for e, err := range eventlog.NewReader(bytes.NewReader(g.file), eventlog.ReaderConfig{}).Events() {
			require.NoError(t, err)
			for v, err := range e.Values() {
				require.NoError(t, err)
				if v.Kind != eventlog.KindImage {
					continue
				}
				images, err := v.Images()
				require.NoError(t, err)
				for _, encoded := range images.Encoded {
					header, err := eventlog.ParsePictureHeader(encoded)
					require.NoError(t, err, "%s, %s", g.name, v.Tag)
					require.Equal(t, []int{images.Width, images.Height}, []int{header.Width, header.Height}, "%s, %s", g.name, v.Tag)
					n++
				}
			}
		}
	}
	require.Greater(t, n, 50)
}

func FuzzPictureHeader(f *testing.F) {
	for _, file := range pictures(f) {
		f.Add(file)
	}
	f.Fuzz(func(t *testing.T, encoded []byte) {
		require.Less(t, allocated(func() {
			header, err := eventlog.ParsePictureHeader(encoded)
			if err == nil {
				require.GreaterOrEqual(t, header.Width, 0)
				require.GreaterOrEqual(t, header.Height, 0)
			}
		}), uint64(1<<20+4*len(encoded)))
	})
}
