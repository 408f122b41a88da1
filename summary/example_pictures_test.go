package summary_test

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"log"
	"math"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary"
)

// sunrise is a picture.
func sunrise(height int) *image.RGBA {
	picture := image.NewRGBA(image.Rect(0, 0, 32, 24))
	for y := range 24 {
		for x := range 32 {
			c := color.RGBA{R: uint8(8 * (24 - y)), G: 120, B: 200, A: 255}
			if (x-16)*(x-16)+(y-height)*(y-height) < 36 {
				c = color.RGBA{R: 255, G: 220, A: 255}
			}
			picture.SetRGBA(x, y, c)
		}
	}
	return picture
}

// photo is the content of a file.
func photo(height int) []byte {
	var file bytes.Buffer
	if err := jpeg.Encode(&file, sunrise(height), nil); err != nil {
		log.Fatal(err)
	}
	return file.Bytes()
}

// tone is a second of a note.
func tone(hertz float64) summary.Clip {
	const rate = 16000
	second := make([]float32, rate)
	for i := range second {
		second[i] = float32(0.5 * math.Sin(2*math.Pi*hertz*float64(i)/rate))
	}
	return summary.Clip{Samples: second, SampleRate: rate}
}

func ExampleWriter_Image() {
	w := stdout()
	if err := w.Image("sunrise", sunrise(12), 1); err != nil {
		log.Fatal(err)
	}
	// Output: step=1 sunrise="1 picture of 32x24"
}

// Several pictures of a step under one tag.
func ExampleWriter_Images() {
	w := stdout()
	if err := w.Images("sunrises", []image.Image{sunrise(20), sunrise(12)}, 1); err != nil {
		log.Fatal(err)
	}
	// Output: step=1 sunrises="2 pictures of 32x24"
}

// A batch of an engine is a tensor of floats, for example.
func ExamplePictures() {
	batch := session.Tensor{Shape: []int{2, 28, 28, 1}, Data: make([]float32, 2*28*28)}
	pictures, err := summary.Pictures(batch, summary.PictureOptions{})
	if err != nil {
		log.Fatal(err)
	}
	w := stdout()
	if err := w.Images("digits", pictures, 1); err != nil {
		log.Fatal(err)
	}
	// Output: step=1 digits="2 pictures of 28x28"
}

func ExampleWriter_ImageBoxes() {
	w := stdout()
	boxes := []summary.Box{{XMin: 10, YMin: 6, XMax: 22, YMax: 18, Label: "sun"}}
	if err := w.ImageBoxes("found", sunrise(12), boxes, 1); err != nil {
		log.Fatal(err)
	}
	// Output: step=1 found="1 picture of 32x24"
}

// A file of PNG, JPEG or GIF is written as it is.
func ExampleWriter_EncodedImage() {
	w := stdout()
	if err := w.EncodedImage("photo", photo(12), 1); err != nil {
		log.Fatal(err)
	}
	// Output: step=1 photo="1 picture of 32x24"
}

func ExampleWriter_EncodedImages() {
	w := stdout()
	if err := w.EncodedImages("photos", [][]byte{photo(20), photo(12)}, 1); err != nil {
		log.Fatal(err)
	}
	// Output: step=1 photos="2 pictures of 32x24"
}

// A drawing draws itself, as the plots of gonum do: see examples/figure.
type drawing struct{ height int }

func (d drawing) WriteTo(w io.Writer) (int64, error) {
	var file bytes.Buffer
	if err := png.Encode(&file, sunrise(d.height)); err != nil {
		return 0, err
	}
	return file.WriteTo(w)
}

func ExampleWriter_Figure() {
	w := stdout()
	if err := w.Figure("drawing", drawing{height: 12}, 1); err != nil {
		log.Fatal(err)
	}
	// Output: step=1 drawing="1 picture of 32x24"
}

// A video is an animated GIF, among the images.
func ExampleWriter_Video() {
	var frames []image.Image
	for height := 30; height > 6; height -= 2 {
		frames = append(frames, sunrise(height))
	}
	w := stdout()
	if err := w.Video("sunrise", summary.Animation{Frames: frames, FPS: 6}, 1); err != nil {
		log.Fatal(err)
	}
	// Output: step=1 sunrise="1 picture of 32x24"
}

// Samples are from -1 to 1, of the channels in turn.
func ExampleWriter_Audio() {
	stereo := summary.Clip{Samples: []float32{0.5, -0.5, 0.25, -0.25}, SampleRate: 16000, Channels: 2}
	w := stdout()
	if err := w.Audio("beep", stereo, 1); err != nil {
		log.Fatal(err)
	}
	// Output: step=1 beep="1 clip"
}

// Several clips of a step under one tag.
func ExampleWriter_Audios() {
	w := stdout()
	if err := w.Audios("notes", []summary.Clip{tone(440), tone(660)}, 1); err != nil {
		log.Fatal(err)
	}
	// Output: step=1 notes="2 clips"
}

// The form of TensorFlow's first API, for tools that know no other.
func ExampleWriter_AudioV1() {
	w := stdout()
	if err := w.AudioV1("a", tone(440), 1); err != nil {
		log.Fatal(err)
	}
	// Output: step=1 a="1 clip"
}

// Without faces it is a cloud of points.
func ExampleWriter_Mesh() {
	tetrahedron := summary.MeshData{
		Vertices: [][3]float32{{1, 1, 1}, {1, -1, -1}, {-1, 1, -1}, {-1, -1, 1}},
		Faces:    [][3]int32{{0, 1, 2}, {0, 3, 1}, {0, 2, 3}, {1, 3, 2}},
		Colors:   [][3]uint8{{255, 0, 0}, {0, 255, 0}, {0, 0, 255}, {255, 255, 0}},
	}
	w := stdout()
	if err := w.Mesh("tetrahedron", tetrahedron, 1); err != nil {
		log.Fatal(err)
	}
	// Output: step=1 tetrahedron_VERTEX=mesh tetrahedron_FACE=mesh tetrahedron_COLOR=mesh
}

func ExampleWriter_Text() {
	w := stdout()
	if err := w.Text("notes", "the *third* attempt", 1); err != nil {
		log.Fatal(err)
	}
	// Output: step=1 notes="the *third* attempt"
}

func ExampleWriter_TextTable() {
	w := stdout()
	rows := [][]string{{"layer", "units"}, {"hidden", "**64**"}}
	if err := w.TextTable("layers", rows, 1); err != nil {
		log.Fatal(err)
	}
	// Output: step=1 layers="layer | units | hidden | **64**"
}
