package summary

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unicode/utf8"
)

// projectorConfig is the file that TensorBoard's projector looks for in a run.
const projectorConfig = "projector_config.pbtxt"

// An Embedding is a table of vectors for TensorBoard's projector.
type Embedding struct {
	// Name is shown, and names the folder. Required.
	Name string
	// Vectors are the rows, all of one length. Required.
	Vectors [][]float32
	// Header names the columns of Metadata, and is needed if there are several.
	Header []string
	// Metadata has the labels of each vector: a row of as many columns each. nil:
	// there are none.
	Metadata [][]string
	// Sprites are small pictures of one size, one for each vector. nil: there are
	// none.
	Sprites []image.Image
	// Binary keeps the vectors as little-endian float32 instead of text.
	Binary bool
}

func (e *Embedding) check() error {
	switch {
	case !isFolderName(e.Name):
		return fmt.Errorf("name %q, want one that can be a folder's", e.Name)
	case len(e.Vectors) == 0 || len(e.Vectors[0]) == 0:
		return errors.New("no vectors, or empty ones")
	}
	for i, v := range e.Vectors {
		if len(v) != len(e.Vectors[0]) {
			return fmt.Errorf("vector %d has length %d, the first %d", i, len(v), len(e.Vectors[0]))
		}
		for _, x := range v {
			if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
				return fmt.Errorf("vector %d has the element %v, want finite ones", i, x)
			}
		}
	}
	if err := e.checkMetadata(); err != nil {
		return err
	}
	if e.Sprites != nil && len(e.Sprites) != len(e.Vectors) {
		return fmt.Errorf("%d sprites for %d vectors", len(e.Sprites), len(e.Vectors))
	}
	for i, s := range e.Sprites {
		if isNilImage(s) || s.Bounds().Empty() || s.Bounds().Size() != e.Sprites[0].Bounds().Size() {
			return fmt.Errorf("sprite %d is nil, empty, or of another size than the first", i)
		}
	}
	if columns, rows := e.sheet(); e.Sprites != nil {
		if size := e.Sprites[0].Bounds().Size(); size.X > maxSheet/columns || size.Y > maxSheet/rows {
			return fmt.Errorf("%d by %d sprites of %v, want a sheet of at most %d by %d pixels", columns, rows, size, maxSheet, maxSheet)
		}
	}
	return nil
}

// maxSheet is the width and height up to which browsers show a sheet of sprites.
const maxSheet = 8192

// sheet returns how many sprites are side by side and above each other, as square
// as it can be.
func (e *Embedding) sheet() (columns, rows int) {
	columns = max(1, int(math.Ceil(math.Sqrt(float64(len(e.Sprites))))))
	return columns, (len(e.Sprites) + columns - 1) / columns
}

func (e *Embedding) checkMetadata() error {
	if e.Metadata == nil {
		if e.Header != nil {
			return errors.New("a header without metadata")
		}
		return nil
	}
	if len(e.Metadata) != len(e.Vectors) {
		return fmt.Errorf("%d rows of metadata for %d vectors", len(e.Metadata), len(e.Vectors))
	}
	columns := len(e.Metadata[0])
	if columns == 0 || columns > 1 && len(e.Header) != columns || columns == 1 && len(e.Header) > 1 {
		return fmt.Errorf("%d columns of metadata with a header of %d", columns, len(e.Header))
	}
	for i, row := range append([][]string{e.Header}, e.Metadata...) {
		if i > 0 && len(row) != columns {
			return fmt.Errorf("row %d of the metadata has %d columns, the first %d", i-1, len(row), columns)
		}
		for _, cell := range row {
			if !utf8.ValidString(cell) || strings.ContainsAny(cell, "\t\n\r") {
				return fmt.Errorf("row %d of the metadata has %q, want text without tabs and line breaks", i-1, cell)
			}
		}
	}
	return nil
}

// WriteEmbeddings writes embeddings into the folder of a run, for TensorBoard's
// projector: each into a folder of its name, and the projector's configuration, in
// place of one that is there. Names are distinct.
func WriteEmbeddings(logdir string, embeddings ...Embedding) error {
	if len(embeddings) == 0 {
		return errors.New("summary: WriteEmbeddings: no embeddings")
	}
	names := make(map[string]bool)
	for i := range embeddings {
		e := &embeddings[i]
		if err := e.check(); err != nil {
			return fmt.Errorf("summary: embedding %q: %w", e.Name, err)
		}
		if names[e.Name] {
			return fmt.Errorf("summary: two embeddings are named %q", e.Name)
		}
		names[e.Name] = true
	}
	var config bytes.Buffer
	for i := range embeddings {
		e := &embeddings[i]
		entry, err := e.write(logdir, e.Name, e.Name)
		if err != nil {
			return fmt.Errorf("summary: embedding %q: %w", e.Name, err)
		}
		config.WriteString(entry)
	}
	if err := replaceFile(filepath.Join(logdir, projectorConfig), config.Bytes()); err != nil {
		return fmt.Errorf("summary: %w", err)
	}
	return nil
}

// Embedding adds an embedding of a step to those that are there for TensorBoard's
// projector, which shows it as name:step. As tensorboardX and PyTorch, it writes
// files, at once and not through the queue, into the folder step/name of the run.
func (w *FileWriter) Embedding(e Embedding, step int64) error {
	step, err := w.stepOf(step)
	if err != nil {
		return err
	}
	if w.current.Load().closed() {
		return ErrClosed
	}
	if err := e.check(); err != nil {
		return fmt.Errorf("summary: embedding %q: %w", e.Name, err)
	}
	w.projector.Lock()
	defer w.projector.Unlock()
	at := fmt.Sprintf("%05d", step)
	if err := e.add(w.logdir, e.Name+":"+at, at+"/"+e.Name); err != nil {
		return fmt.Errorf("summary: embedding %q: %w", e.Name, err)
	}
	return nil
}

// add writes an embedding and adds it to the configuration.
func (e *Embedding) add(logdir, name, folder string) error {
	entry, err := e.write(logdir, name, folder)
	if err != nil {
		return err
	}
	path := filepath.Join(logdir, projectorConfig)
	config, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if bytes.Contains(config, []byte(entry)) {
		return nil // written again
	}
	return replaceFile(path, append(config, entry...))
}

// write writes the files of e into a folder, with slashes, of the run and returns
// what the configuration says of them.
func (e *Embedding) write(logdir, name, folder string) (entry string, err error) {
	if err := os.MkdirAll(filepath.Join(logdir, filepath.FromSlash(folder)), 0o777); err != nil {
		return "", err
	}
	var config strings.Builder
	file := func(field, name string, content []byte) error {
		name = folder + "/" + name
		fmt.Fprintf(&config, "%s: %s\n", field, quoted(name))
		return replaceFile(filepath.Join(logdir, filepath.FromSlash(name)), content)
	}
	fmt.Fprintf(&config, "embeddings {\n  tensor_name: %s\n", quoted(name))
	if e.Binary {
		fmt.Fprintf(&config, "  tensor_shape: %d\n  tensor_shape: %d\n", len(e.Vectors), len(e.Vectors[0]))
		err = file("  tensor_path", "tensors.bytes", e.binary())
	} else {
		err = file("  tensor_path", "tensors.tsv", e.text())
	}
	if err != nil {
		return "", err
	}
	if e.Metadata != nil {
		if err := file("  metadata_path", "metadata.tsv", e.metadata()); err != nil {
			return "", err
		}
	}
	if e.Sprites != nil {
		sprite, err := e.sprite()
		if err != nil {
			return "", err
		}
		config.WriteString("  sprite {\n")
		if err := file("    image_path", "sprite.png", sprite); err != nil {
			return "", err
		}
		size := e.Sprites[0].Bounds().Size()
		fmt.Fprintf(&config, "    single_image_dim: %d\n    single_image_dim: %d\n  }\n", size.X, size.Y)
	}
	config.WriteString("}\n")
	return config.String(), nil
}

// quoted is s as a string of protobuf's text format.
func quoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < 0x20 || c >= 0x7f:
			fmt.Fprintf(&b, `\%03o`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String() + `"`
}

func (e *Embedding) text() []byte {
	var b []byte
	for _, v := range e.Vectors {
		for i, x := range v {
			if i > 0 {
				b = append(b, '\t')
			}
			b = strconv.AppendFloat(b, float64(x), 'g', -1, 32)
		}
		b = append(b, '\n')
	}
	return b
}

func (e *Embedding) binary() []byte {
	b := make([]byte, 0, 4*len(e.Vectors)*len(e.Vectors[0]))
	for _, v := range e.Vectors {
		for _, x := range v {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
		}
	}
	return b
}

// metadata has a header only if there are several columns: else the projector
// takes it for a label.
func (e *Embedding) metadata() []byte {
	var b strings.Builder
	rows := e.Metadata
	if len(e.Metadata[0]) > 1 {
		rows = append([][]string{e.Header}, rows...)
	}
	for _, row := range rows {
		b.WriteString(strings.Join(row, "\t"))
		b.WriteByte('\n')
	}
	return []byte(b.String())
}

// sprite draws all sprites into one picture.
func (e *Embedding) sprite() ([]byte, error) {
	size := e.Sprites[0].Bounds().Size()
	columns, rows := e.sheet()
	sheet := image.NewNRGBA(image.Rect(0, 0, columns*size.X, rows*size.Y))
	for i, s := range e.Sprites {
		at := image.Pt(i%columns*size.X, i/columns*size.Y)
		draw.Draw(sheet, image.Rectangle{Min: at, Max: at.Add(size)}, s, s.Bounds().Min, draw.Src)
	}
	var b bytes.Buffer
	err := png.Encode(&b, sheet)
	return b.Bytes(), err
}

// isFolderName reports whether s can name a file or folder of its own.
func isFolderName(s string) bool {
	return s != "." && filepath.IsLocal(s) && utf8.ValidString(s) && !strings.ContainsAny(s, "/\\\x00")
}

// replaceFile writes a file under another name and renames it, so that a reader
// sees the old one or the new one.
func replaceFile(path string, content []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if _, err := f.Write(content); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Chmod(0o644); err != nil { // CreateTemp keeps others from reading
		return errors.Join(err, f.Close())
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
