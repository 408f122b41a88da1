package checkpoint

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/runhook/runhook/session"
)

const (
	lengthSize = 8 // of the header's length, in front of it
	// maxHeader is the limit of the safetensors format.
	maxHeader = 100_000_000

	metadataKey = "__metadata__"
	checksumKey = "crc32c"
	stepKey     = session.GlobalStepName

	// headerStart is how a header with a checksum begins: with its 8 digits of
	// which the checksum itself covers zeros.
	headerStart    = `{"` + metadataKey + `":{"` + checksumKey + `":"`
	noChecksum     = "00000000"
	checksumOffset = lengthSize + len(headerStart)
)

// An entry is what the header says about a variable.
type entry struct {
	name  string
	dtype session.DType
	shape []int
	begin int64 // of the data, counted from the end of the header
	end   int64
}

// headerEntry is an entry as it stands in the file.
type headerEntry struct {
	DType       string  `json:"dtype"`
	Shape       []int   `json:"shape"`
	DataOffsets []int64 `json:"data_offsets"`
}

// layOut gives the tensors, by name, their places: the largest elements first,
// so that all are aligned.
func layOut(tensors map[string]session.Tensor) []entry {
	entries := make([]entry, 0, len(tensors))
	for name, t := range tensors {
		entries = append(entries, entry{name: name, dtype: t.DType(), shape: t.Shape})
	}
	slices.SortFunc(entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(elementTypes[b.dtype].size, elementTypes[a.dtype].size), cmp.Compare(a.name, b.name))
	})
	var at int64
	for i := range entries {
		e := &entries[i]
		e.begin = at
		at += int64(tensors[e.name].Len()) * int64(elementTypes[e.dtype].size)
		e.end = at
	}
	return entries
}

// encodeHeader returns the length and the header, whose checksum is still zeros.
func encodeHeader(entries []entry, metadata map[string]string) ([]byte, error) {
	var b bytes.Buffer
	b.Write(make([]byte, lengthSize))
	b.WriteString(headerStart + noChecksum + `"`)
	for _, key := range slices.Sorted(maps.Keys(metadata)) {
		if err := writePair(&b, key, metadata[key]); err != nil {
			return nil, fmt.Errorf("metadata %q: %w", key, err)
		}
	}
	b.WriteByte('}')
	for _, e := range entries {
		if e.name == metadataKey || !utf8.ValidString(e.name) {
			return nil, fmt.Errorf("variable %q: the format does not allow this name", e.name)
		}
		shape := append([]int{}, e.shape...) // null is no shape
		if err := writePair(&b, e.name, headerEntry{elementTypes[e.dtype].name, shape, []int64{e.begin, e.end}}); err != nil {
			return nil, fmt.Errorf("variable %q: %w", e.name, err)
		}
	}
	b.WriteByte('}')
	for b.Len()%8 != 0 {
		b.WriteByte(' ')
	}
	n := b.Len() - lengthSize
	if n > maxHeader {
		return nil, fmt.Errorf("the header has %d bytes, the format allows %d", n, maxHeader)
	}
	binary.LittleEndian.PutUint64(b.Bytes(), uint64(n))
	return b.Bytes(), nil
}

// writePair writes a further member of a JSON object.
func writePair(b *bytes.Buffer, key string, value any) error {
	k, err := json.Marshal(key)
	if err != nil {
		return err
	}
	v, err := json.Marshal(value)
	if err != nil {
		return err
	}
	b.WriteByte(',')
	b.Write(k)
	b.WriteByte(':')
	b.Write(v)
	return nil
}

// parseHeader reads a header. dataSize is how many bytes follow it: the places
// of the entries, which come in order, cover exactly those.
func parseHeader(header []byte, dataSize int64) ([]entry, map[string]string, error) {
	decoder := json.NewDecoder(bytes.NewReader(header))
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return nil, nil, errors.New("the header is no JSON object")
	}
	var entries []entry
	var metadata map[string]string
	seen := make(map[string]bool)
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return nil, nil, fmt.Errorf("header: %w", err)
		}
		key := token.(string) // the decoder takes no other
		if seen[key] {
			return nil, nil, fmt.Errorf("header: %q comes twice", key)
		}
		seen[key] = true
		if key == metadataKey {
			err = decoder.Decode(&metadata)
		} else {
			var e entry
			e, err = decodeEntry(decoder, key)
			entries = append(entries, e)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("header: %q: %w", key, err)
		}
	}
	if _, err := decoder.Token(); err != nil {
		return nil, nil, fmt.Errorf("header: %w", err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, nil, errors.New("header: something follows the JSON object")
	}
	return entries, metadata, checkPlaces(entries, dataSize)
}

func decodeEntry(decoder *json.Decoder, name string) (entry, error) {
	var h headerEntry
	if err := decoder.Decode(&h); err != nil {
		return entry{}, err
	}
	dtype, ok := dtypeNamed(h.DType)
	if !ok {
		return entry{}, fmt.Errorf("dtype %q, which a session has not", h.DType)
	}
	if len(h.DataOffsets) != 2 {
		return entry{}, fmt.Errorf("data_offsets %v, want begin and end", h.DataOffsets)
	}
	e := entry{name: name, dtype: dtype, shape: h.Shape, begin: h.DataOffsets[0], end: h.DataOffsets[1]}
	size := int64(elementTypes[dtype].size)
	for _, d := range h.Shape {
		if d < 0 || d > 0 && size > math.MaxInt/int64(d) {
			return entry{}, fmt.Errorf("shape %v", h.Shape)
		}
		size *= int64(d)
	}
	if e.begin < 0 || e.end < e.begin || e.end-e.begin != size {
		return entry{}, fmt.Errorf("data_offsets %v, want %d bytes for shape %v of %s", h.DataOffsets, size, h.Shape, dtype)
	}
	return e, nil
}

// checkPlaces puts the entries in order and finds gaps and overlaps.
func checkPlaces(entries []entry, dataSize int64) error {
	slices.SortFunc(entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end), cmp.Compare(a.name, b.name))
	})
	var at int64
	for _, e := range entries {
		if e.begin != at {
			return fmt.Errorf("header: %q begins at %d, want %d", e.name, e.begin, at)
		}
		at = e.end
	}
	if at != dataSize {
		return fmt.Errorf("%d bytes of data, want %d", dataSize, at)
	}
	return nil
}

// stepOf returns the step in metadata, nil if there is none.
func stepOf(metadata map[string]string) *int64 {
	step, err := strconv.ParseInt(metadata[stepKey], 10, 64)
	if err != nil {
		return nil
	}
	return &step
}
