package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/runhook/runhook/summary/eventlog"
	"github.com/runhook/runhook/summary/eventpb"
)

// A valueJSON is a value in JSON. Which fields it has follows from its kind.
type valueJSON struct {
	Tag         string `json:"tag"`
	Kind        string `json:"kind"`
	Plugin      string `json:"plugin,omitempty"`
	DisplayName string `json:"display_name,omitempty"`
	Description string `json:"description,omitempty"`

	Value   *number         `json:"value,omitempty"`   // scalar
	Buckets [][3]number     `json:"buckets,omitempty"` // histogram: left, right, count
	Text    []string        `json:"text,omitempty"`    // text, one element unless a table
	Width   int             `json:"width,omitempty"`   // image
	Height  int             `json:"height,omitempty"`  // image
	Files   []blobJSON      `json:"files,omitempty"`   // image, audio, graph, blob …
	DType   string          `json:"dtype,omitempty"`   // tensor, and others that are stored as one
	Shape   []int64         `json:"shape,omitempty"`
	Data    any             `json:"data,omitempty"`
	Message json.RawMessage `json:"message,omitempty"` // hparams, custom_scalars, in protobuf's JSON
	Error   string          `json:"error,omitempty"`   // why it could not be decoded
}

// A blobJSON is bytes: only what they are, unless they are asked for.
type blobJSON struct {
	Type  string `json:"type"`
	Bytes int    `json:"bytes"`
	Label string `json:"label,omitempty"`
	Data  []byte `json:"base64,omitempty"`
}

// describe decodes v. blobs says whether the bytes of files are wanted. The error
// is in the result, too.
func describe(v *eventlog.Value, blobs bool) (valueJSON, error) {
	j := valueJSON{
		Tag: v.Tag, Kind: v.Kind.String(),
		Plugin: v.Metadata.Plugin, DisplayName: v.Metadata.DisplayName, Description: v.Metadata.Description,
	}
	if j.DisplayName == v.Tag {
		j.DisplayName = "" // Migration says so of every old value.
	}
	err := j.decode(v, blobs)
	if err != nil {
		j.Error = err.Error()
	}
	return j, err
}

func (j *valueJSON) decode(v *eventlog.Value, blobs bool) error {
	switch v.Kind {
	case eventlog.KindScalar:
		x, err := v.Scalar()
		if err == nil {
			j.Value = (*number)(&x)
		}
		return err
	case eventlog.KindHistogram:
		buckets, err := v.Histogram()
		j.Buckets = make([][3]number, len(buckets))
		for i, b := range buckets {
			j.Buckets[i] = [3]number{number(b.Left), number(b.Right), number(b.Count)}
		}
		return err
	case eventlog.KindHParams:
		return j.message(v.Metadata.Content, new(eventpb.HParamsPluginData))
	case eventlog.KindCustomScalars:
		layout, err := v.Blobs()
		if err != nil {
			return err
		}
		if len(layout) != 1 {
			return fmt.Errorf("tag %q: %d strings, want one Layout", v.Tag, len(layout))
		}
		return j.message(layout[0], new(eventpb.Layout))
	case eventlog.KindImage, eventlog.KindAudio, eventlog.KindGraph, eventlog.KindRunMetadata, eventlog.KindBlob:
		files, err := filesOf(v)
		for _, f := range files {
			b := blobJSON{Type: f.contentType, Bytes: len(f.data), Label: f.label}
			if blobs {
				b.Data = f.data
			}
			j.Files = append(j.Files, b)
		}
		j.Width, j.Height = sizeOf(v)
		return err
	case eventlog.KindUnknown:
		return nil
	}
	return j.tensor(v)
}

func (j *valueJSON) message(encoded []byte, m proto.Message) error {
	if err := proto.Unmarshal(encoded, m); err != nil {
		return err
	}
	var err error
	j.Message, err = protojson.Marshal(m)
	return err
}

// tensor puts in all elements of a tensor, or the cells of a text.
func (j *valueJSON) tensor(v *eventlog.Value) error {
	t, err := v.Tensor()
	if err != nil {
		return err
	}
	j.Shape = t.Shape
	switch data := t.Data().(type) {
	case [][]byte:
		cells := make([]string, len(data))
		for i, cell := range data {
			cells[i] = string(cell)
		}
		if v.Kind == eventlog.KindText {
			j.Text = cells
			return nil
		}
		j.Data = cells
	case []float32:
		xs := make([]number, len(data))
		for i, x := range data {
			xs[i] = number(x)
		}
		j.Data = xs
	case []float64:
		j.Data = numbers(data)
	case []complex64, []complex128:
		j.Data = fmt.Sprint(data)
	default:
		j.Data = data
	}
	j.DType = t.DType.String()
	return nil
}

func sizeOf(v *eventlog.Value) (width, height int) {
	if v.Kind != eventlog.KindImage {
		return 0, 0
	}
	images, err := v.Images()
	if err != nil {
		return 0, 0 // filesOf has told.
	}
	return images.Width, images.Height
}

// A blob is what makes a file of its own.
type blob struct {
	data        []byte // valid as long as the event
	contentType string
	extension   string
	label       string
}

// errNoFiles is the error for values that make no files.
var errNoFiles = errors.New("not of a kind that makes files")

// filesOf returns the pictures, clips, texts or messages that v holds.
func filesOf(v *eventlog.Value) ([]blob, error) {
	var out []blob
	switch v.Kind {
	case eventlog.KindImage:
		images, err := v.Images()
		for _, data := range images.Encoded {
			contentType := http.DetectContentType(data)
			out = append(out, blob{data: data, contentType: contentType, extension: extensions[contentType]})
		}
		return out, err
	case eventlog.KindAudio:
		clips, err := v.Audio()
		for _, c := range clips {
			contentType := c.ContentType
			if contentType == "" {
				contentType = http.DetectContentType(c.Encoded)
			}
			out = append(out, blob{data: c.Encoded, contentType: contentType, extension: extensions[contentType], label: c.Label})
		}
		return out, err
	case eventlog.KindText:
		cells, err := v.Blobs()
		for _, cell := range cells {
			out = append(out, blob{data: cell, contentType: "text/markdown", extension: ".md"})
		}
		return out, err
	case eventlog.KindGraph, eventlog.KindRunMetadata, eventlog.KindBlob:
		blobs, err := v.Blobs()
		for _, data := range blobs {
			b := blob{data: data, contentType: "application/octet-stream"}
			switch {
			case v.Metadata.Plugin == "graph_keras_model":
				b.contentType, b.extension = "application/json", ".json"
			case v.Kind != eventlog.KindBlob:
				b.extension = ".pb"
			}
			out = append(out, b)
		}
		return out, err
	}
	return nil, errNoFiles
}

// extensions of the types that pictures and clips have.
var extensions = map[string]string{
	"image/png": ".png", "image/jpeg": ".jpg", "image/gif": ".gif", "image/bmp": ".bmp", "image/webp": ".webp",
	"audio/wav": ".wav", "audio/wave": ".wav", "audio/mpeg": ".mp3", "audio/aiff": ".aiff", "application/ogg": ".ogg",
}
