package checkpoint_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/checkpoint"
)

// sizes are those of a state of 100 MB: some large tensors and many small ones.
func state100MB() *store {
	var pairs []any
	for layer := range 6 {
		pairs = append(pairs, fmt.Sprintf("layer%d/kernel", layer), session.TensorOf(random(4_000_000), 2000, 2000))
		pairs = append(pairs, fmt.Sprintf("layer%d/bias", layer), session.TensorOf(random(2000)))
	}
	for i := range 500 {
		pairs = append(pairs, fmt.Sprintf("small/%d", i), session.TensorOf(random(1000)))
	}
	return holding(pairs...)
}

// random returns floats that no disk can squeeze.
func random(n int) []float32 {
	out := make([]float32, n)
	for i, state := 0, uint32(1); i < n; i++ {
		state = state*1664525 + 1013904223
		out[i] = float32(state >> 8)
	}
	return out
}

func bytesIn(s *store) (pieces [][]byte, total int64) {
	for _, v := range s.variables {
		t, _ := v.Value.Tensor()
		data := t.Data.([]float32)
		pieces = append(pieces, unsafe.Slice((*byte)(unsafe.Pointer(&data[0])), 4*len(data)))
		total += int64(4 * len(data))
	}
	return pieces, total
}

// BenchmarkSave compares with writing and syncing the same bytes to a file.
func BenchmarkSave(b *testing.B) {
	s := state100MB()
	pieces, total := bytesIn(s)
	b.Run("plain", func(b *testing.B) {
		b.SetBytes(total)
		path := filepath.Join(b.TempDir(), "plain")
		for i := 0; b.Loop(); i++ {
			f, err := os.Create(fmt.Sprint(path, i))
			require.NoError(b, err)
			for _, piece := range pieces {
				_, err := f.Write(piece)
				require.NoError(b, err)
			}
			require.NoError(b, f.Sync())
			require.NoError(b, f.Close())
			if i > 0 { // as MaxToKeep does
				require.NoError(b, os.Remove(fmt.Sprint(path, i-1)))
			}
		}
	})
	b.Run("Saver", func(b *testing.B) {
		b.SetBytes(total)
		b.ReportAllocs()
		saver := newSaver(b, checkpoint.SaverConfig{MaxToKeep: 1})
		prefix := filepath.Join(b.TempDir(), "m")
		for step := int64(0); b.Loop(); step++ {
			_, err := saver.Save(b.Context(), s, prefix, step)
			require.NoError(b, err)
		}
	})
}

// BenchmarkRestore compares with reading the same file, and with reading it into
// as many pieces of memory.
func BenchmarkRestore(b *testing.B) {
	s := state100MB()
	pieces, total := bytesIn(s)
	path := saved(b, s)
	b.Run("plain", func(b *testing.B) {
		b.SetBytes(total)
		for b.Loop() {
			content, err := os.ReadFile(path + checkpoint.Extension)
			require.NoError(b, err)
			runtime.KeepAlive(content)
		}
	})
	b.Run("pieces", func(b *testing.B) {
		b.SetBytes(total)
		for b.Loop() {
			f, err := os.Open(path + checkpoint.Extension)
			require.NoError(b, err)
			for _, piece := range pieces {
				_, err := f.Read(make([]byte, len(piece)))
				require.NoError(b, err)
			}
			require.NoError(b, f.Close())
		}
	})
	b.Run("Saver", func(b *testing.B) {
		b.SetBytes(total)
		b.ReportAllocs()
		saver := newSaver(b, checkpoint.SaverConfig{})
		for b.Loop() {
			require.NoError(b, saver.Restore(b.Context(), s, path))
		}
	})
}

func TestSavingTakesLittleMemoryAndRestoringTheStateOnceMore(t *testing.T) {
	var pairs []any
	for i := range 8 {
		pairs = append(pairs, fmt.Sprint("w", i), session.TensorOf(make([]float32, 1<<20)))
	}
	s := holding(pairs...)
	_, size := bytesIn(s)
	saver := newSaver(t, checkpoint.SaverConfig{})
	prefix := filepath.Join(t.TempDir(), "m")
	var path string
	require.Less(t, allocated(func() {
		var err error
		path, err = saver.Save(t.Context(), s, prefix, 1)
		require.NoError(t, err)
	}), size/8)
	require.Less(t, allocated(func() { require.NoError(t, saver.Restore(context.Background(), s, path)) }), size+size/8)
}

// allocated returns how many bytes f allocates.
func allocated(f func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}
