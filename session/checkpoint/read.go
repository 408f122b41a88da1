package checkpoint

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"slices"

	"github.com/runhook/runhook/session"
)

var (
	// ErrNoCheckpoint says that there is no checkpoint of a name.
	ErrNoCheckpoint = errors.New("no such checkpoint")
	// ErrCorrupt says that the file of a checkpoint is torn or damaged, or none of
	// safetensors.
	ErrCorrupt = errors.New("the checkpoint is corrupt")
	// ErrUnchecked says that a file has no checksum: that another program wrote
	// it, or that it is damaged at its beginning.
	ErrUnchecked = errors.New("the checkpoint has no checksum")
)

// A reader reads the file of a checkpoint.
type reader struct {
	f        *os.File
	path     string // of the file
	entries  []entry
	metadata map[string]string
	checksum []byte // its digits; nil: there is none
	sum      uint32 // of what was read so far, with zeros for the digits
}

// openReader reads the header of a checkpoint. What it allocates is not more than
// a few times the size of the file.
func openReader(path string, acceptUnchecked bool) (*reader, error) {
	name, _, err := locate(path)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	r := &reader{f: f, path: name}
	err = r.readHeader()
	if err == nil && r.checksum == nil && !acceptUnchecked {
		err = fmt.Errorf("%s: %w", name, ErrUnchecked)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return r, nil
}

func (r *reader) corrupt(format string, args ...any) error {
	return fmt.Errorf("%s: %w: %w", r.path, ErrCorrupt, fmt.Errorf(format, args...))
}

func (r *reader) readHeader() error {
	info, err := r.f.Stat()
	if err != nil {
		return err
	}
	size := uint64(info.Size())
	if size < lengthSize {
		return r.corrupt("%d bytes, not even a header", size)
	}
	b := make([]byte, lengthSize, 4096)
	if _, err := io.ReadFull(r.f, b); err != nil {
		return r.short(err)
	}
	n := binary.LittleEndian.Uint64(b)
	if n > maxHeader || n > size-lengthSize {
		return r.corrupt("a header of %d bytes in a file of %d", n, size)
	}
	b = slices.Grow(b, int(n))[:lengthSize+n]
	if _, err := io.ReadFull(r.f, b[lengthSize:]); err != nil {
		return r.short(err)
	}
	r.entries, r.metadata, err = parseHeader(b[lengthSize:], int64(size-lengthSize-n))
	if err != nil {
		return r.corrupt("%w", err)
	}
	if digits := b[min(checksumOffset, len(b)):]; bytes.HasPrefix(b[lengthSize:], []byte(headerStart)) && len(digits) > len(noChecksum) {
		r.checksum = bytes.Clone(digits[:len(noChecksum)])
		copy(digits, noChecksum)
	}
	r.sum = crc32.Checksum(b, castagnoli)
	return nil
}

// short is the error of a read: of a file that has become shorter, it is damage.
func (r *reader) short(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return r.corrupt("%w", err)
	}
	return err
}

// readAll reads the tensors that are wanted, all if wanted is nil, and checks the
// checksum of the whole file.
func (r *reader) readAll(ctx context.Context, wanted map[string]bool) (map[string]session.Tensor, error) {
	tensors := make(map[string]session.Tensor, len(r.entries))
	var scratch []byte
	for _, e := range r.entries {
		if wanted != nil && !wanted[e.name] {
			if scratch == nil {
				scratch = make([]byte, chunkSize)
			}
			for left := e.end - e.begin; left > 0; left -= min(left, chunkSize) {
				if err := r.read(ctx, scratch[:min(left, chunkSize)]); err != nil {
					return nil, err
				}
			}
			continue
		}
		t, err := r.readTensor(ctx, e)
		if err != nil {
			return nil, err
		}
		tensors[e.name] = t
	}
	if want := fmt.Appendf(nil, "%08x", r.sum); r.checksum != nil && !bytes.Equal(want, r.checksum) {
		return nil, r.corrupt("checksum %q, the contents have %q", r.checksum, want)
	}
	return tensors, nil
}

func (r *reader) readTensor(ctx context.Context, e entry) (session.Tensor, error) {
	size := elementTypes[e.dtype].size
	t := session.Tensor{Shape: e.shape, Data: elementTypes[e.dtype].make(int(e.end-e.begin) / size)}
	b := bytesOf(t.Data)
	for chunk := range slices.Chunk(b, chunkSize) {
		if err := r.read(ctx, chunk); err != nil {
			return t, err
		}
		if e.dtype == session.BoolType && slices.Max(chunk) > 1 {
			return t, r.corrupt("%q has a bool of value %d", e.name, slices.Max(chunk))
		}
	}
	if swaps {
		swapElements(b, size)
	}
	return t, nil
}

// read fills b, and sums it up.
func (r *reader) read(ctx context.Context, b []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if _, err := io.ReadFull(r.f, b); err != nil {
		return r.short(err)
	}
	r.sum = crc32.Update(r.sum, castagnoli, b)
	return nil
}

func (r *reader) close() error { return r.f.Close() }
