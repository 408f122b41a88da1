package checkpoint

import (
	"context"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/runhook/runhook/session"
)

// castagnoli is the table for which hash/crc32 uses the processor's CRC-32C
// instructions.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

const (
	// chunkSize is how much is written, or read, and summed up at once: the
	// second finds it in the processor's cache.
	chunkSize = 1 << 18
	// smallSize is up to which size tensors are gathered for one write.
	smallSize = 1 << 16
)

// writeFile makes the file of a checkpoint.
func writeFile(ctx context.Context, on files, path string, tensors map[string]session.Tensor, metadata map[string]string) error {
	entries := layOut(tensors)
	header, err := encodeHeader(entries, metadata)
	if err != nil {
		return err
	}
	return replace(on, path, func(f file) error {
		w := summingWriter{ctx: ctx, f: f}
		if err := w.write(header, 1); err != nil {
			return err
		}
		for _, e := range entries {
			if err := w.write(bytesOf(tensors[e.name].Data), elementTypes[e.dtype].size); err != nil {
				return err
			}
		}
		if err := w.flush(); err != nil {
			return err
		}
		_, err := f.WriteAt(fmt.Appendf(nil, "%08x", w.sum), int64(checksumOffset))
		return err
	})
}

// A summingWriter writes, and sums up what it has written.
type summingWriter struct {
	ctx     context.Context // of the one save that it is made for
	f       file
	sum     uint32
	pending []byte // small tensors
	swapped []byte
}

// write writes elements of a size from memory, in large pieces.
func (w *summingWriter) write(b []byte, size int) error {
	if len(b) <= smallSize {
		if w.pending = append(w.pending, w.littleEndian(b, size)...); len(w.pending) < chunkSize {
			return nil
		}
		return w.flush()
	}
	if err := w.flush(); err != nil {
		return err
	}
	for chunk := range slices.Chunk(b, chunkSize) {
		if err := w.writeChunk(w.littleEndian(chunk, size)); err != nil {
			return err
		}
	}
	return nil
}

// littleEndian returns elements as they stand in files, valid until the next
// call.
func (w *summingWriter) littleEndian(b []byte, size int) []byte {
	if !swaps {
		return b
	}
	w.swapped = append(w.swapped[:0], b...)
	swapElements(w.swapped, size)
	return w.swapped
}

func (w *summingWriter) flush() error {
	if len(w.pending) == 0 {
		return nil
	}
	defer func() { w.pending = w.pending[:0] }()
	return w.writeChunk(w.pending)
}

func (w *summingWriter) writeChunk(b []byte) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	w.sum = crc32.Update(w.sum, castagnoli, b)
	_, err := w.f.Write(b)
	return err
}
