package pixels

import (
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"sync"
)

// EncodePNG appends the picture to dst as a PNG file of 8 bits a channel,
// without loss and with as many channels. It is safe for concurrent use.
//
// It is made for speed: of the filters of the format it uses those that are a
// mere difference, chosen by a few bytes of each row, and it compresses by
// zlib's fastest level, or where a sample shows that repetitions are few, by
// Huffman codes alone, which is faster and then no worse.
func EncodePNG(dst []byte, pix []uint8, s Shape) ([]byte, error) {
	if err := s.Check(len(pix)); err != nil {
		return dst, err
	}
	e := encoders.Get().(*encoder)
	defer encoders.Put(e)
	file, err := e.encode(dst, pix, s)
	if err != nil {
		return dst, fmt.Errorf("pixels: %w", err)
	}
	return file, nil
}

const (
	pngSignature = "\x89PNG\r\n\x1a\n"
	maxChunk     = 1 << 20 // the format's limit is 2³¹-1
)

// colorTypes of the format, by the number of channels.
var colorTypes = [...]byte{1: 0, 2: 4, 3: 2, 4: 6}

// encoder is what one picture leaves for the next.
type encoder struct {
	rows       rows
	sample     []byte
	sampleSize byteCount // when compressed
	data       dataChunks
	zlib       map[int]*zlib.Writer // by level
}

func newEncoder() *encoder { return &encoder{zlib: make(map[int]*zlib.Writer)} }

var encoders = sync.Pool{New: func() any { return newEncoder() }}

func (e *encoder) encode(dst []byte, pix []uint8, s Shape) ([]byte, error) {
	e.rows.reset(pix, s)
	defer e.rows.reset(nil, Shape{}) // the picture is the caller's
	level, err := e.level()
	if err != nil {
		return nil, err
	}
	var header [13]byte // its end: the only compression, the only set of filters, not interlaced
	binary.BigEndian.PutUint32(header[:], uint32(s.Width))
	binary.BigEndian.PutUint32(header[4:], uint32(s.Height))
	header[8], header[9] = 8, colorTypes[s.Channels]
	dst = appendChunk(append(dst, pngSignature...), "IHDR", header[:])

	e.data.begin(dst)
	z, err := e.compressor(level, &e.data)
	if err != nil {
		return nil, err
	}
	for y := range s.Height {
		if _, err := z.Write(e.rows.filtered(y)); err != nil {
			return nil, err
		}
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return appendChunk(e.data.end(), "IEND", nil), nil
}

// compressor returns a writer of zlib data to w.
func (e *encoder) compressor(level int, w io.Writer) (*zlib.Writer, error) {
	if z, ok := e.zlib[level]; ok {
		z.Reset(w)
		return z, nil
	}
	z, err := zlib.NewWriterLevel(w, level)
	e.zlib[level] = z
	return z, err
}

// A chunk of the format is the length of its content, its name, the content, and
// a checksum of the latter two.
func appendChunk(dst []byte, name string, content []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(content)))
	start := len(dst)
	dst = append(append(dst, name...), content...)
	return binary.BigEndian.AppendUint32(dst, crc32.ChecksumIEEE(dst[start:]))
}

// dataChunks makes chunks of what is written to it, behind the begin of a file.
type dataChunks struct {
	file  []byte
	start int // of the chunk in work, at its length
}

const dataName = "IDAT"

func (d *dataChunks) begin(file []byte) {
	d.start = len(file)
	d.file = append(append(file, 0, 0, 0, 0), dataName...)
}

func (d *dataChunks) Write(p []byte) (int, error) {
	if len(d.file)-d.start > maxChunk {
		d.begin(d.end())
	}
	d.file = append(d.file, p...)
	return len(p), nil
}

// end returns the file with the chunk in work completed, and lets go of it.
func (d *dataChunks) end() []byte {
	file, named := d.file, d.file[d.start+4:]
	binary.BigEndian.PutUint32(file[d.start:], uint32(len(named)-len(dataName)))
	d.file = nil
	return binary.BigEndian.AppendUint32(file, crc32.ChecksumIEEE(named))
}
