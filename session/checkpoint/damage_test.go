package checkpoint_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/checkpoint"
)

// small is a state whose file has a few hundred bytes.
func small() *store {
	return holding("w", session.TensorOf([]float32{1, 2, 3}), "b", session.TensorOf([]bool{true, false}), "step", session.Int64(7))
}

// restoring returns the error of restoring a file with these contents.
func restoring(t testing.TB, path string, content []byte, config checkpoint.SaverConfig) error {
	t.Helper()
	require.NoError(t, os.WriteFile(path+checkpoint.Extension, content, 0o666))
	s := small()
	err := newSaver(t, config).Restore(t.Context(), s, path)
	if err != nil {
		require.Nil(t, s.set, "half restored")
	}
	return err
}

func TestATornFileIsCorruptAtEveryLength(t *testing.T) {
	path := saved(t, small())
	whole, err := os.ReadFile(path + checkpoint.Extension)
	require.NoError(t, err)
	for n := range whole {
		require.ErrorIs(t, restoring(t, path, whole[:n], checkpoint.SaverConfig{}), checkpoint.ErrCorrupt, "%d bytes", n)
	}
	require.ErrorIs(t, restoring(t, path, append(bytes.Clone(whole), 0), checkpoint.SaverConfig{}), checkpoint.ErrCorrupt, "a byte too many")
	require.NoError(t, restoring(t, path, whole, checkpoint.SaverConfig{}))
}

func TestEveryBitThatFlipsIsFound(t *testing.T) {
	path := saved(t, small())
	whole, err := os.ReadFile(path + checkpoint.Extension)
	require.NoError(t, err)
	unchecked := 0
	for bit := range len(whole) * 8 {
		damaged := bytes.Clone(whole)
		damaged[bit/8] ^= 1 << (bit % 8)
		err := restoring(t, path, damaged, checkpoint.SaverConfig{})
		if !strings.Contains(fmt.Sprint(err), checkpoint.ErrUnchecked.Error()) {
			require.ErrorIs(t, err, checkpoint.ErrCorrupt, "bit %d", bit)
			continue
		}
		require.ErrorIs(t, err, checkpoint.ErrUnchecked)
		unchecked++
	}
	require.Less(t, unchecked, 8*len(`{"__metadata__":{"crc32c":"`), "only where the checksum is announced")
}

// file returns a file with a header and data.
func file(header string, data ...byte) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), data...)
}

func TestWhatIsWrongWithAFileIsNamed(t *testing.T) {
	huge := binary.LittleEndian.AppendUint64(nil, 1<<63)
	for _, c := range []struct {
		name    string
		content []byte
		want    string
	}{
		{"nothing", nil, "0 bytes, not even a header"},
		{"a header of 2⁶³ bytes", huge, "a header of 9223372036854775808 bytes in a file of 8"},
		{"a header longer than the file", file(`{}`)[:9], "a header of 2 bytes in a file of 9"},
		{"no JSON", file(`abc`), "the header is no JSON object"},
		{"a list", file(`[]`), "the header is no JSON object"},
		{"half an object", file(`{"a":`), "EOF"},
		{"more than an object", file(`{} {}`), "something follows the JSON object"},
		{"a name twice", file(`{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}`, 1), `"a" comes twice`},
		{"metadata that is no text", file(`{"__metadata__":{"a":1}}`), `"__metadata__": json: cannot unmarshal number`},
		{"a type that sessions have not", file(`{"a":{"dtype":"BF16","shape":[],"data_offsets":[0,2]}}`, 1, 2), `"a": dtype "BF16", which a session has not`},
		{"a negative dimension", file(`{"a":{"dtype":"U8","shape":[-1,-1],"data_offsets":[0,1]}}`, 1), `"a": shape [-1 -1]`},
		{"a shape too large to count", file(`{"a":{"dtype":"F64","shape":[4611686018427387904,4],"data_offsets":[0,0]}}`), `"a": shape [4611686018427387904 4]`},
		{"a shape without elements that is too large", file(`{"a":{"dtype":"F64","shape":[0,4611686018427387904,4],"data_offsets":[0,1]}}`), `want 0 bytes`},
		{"one offset", file(`{"a":{"dtype":"U8","shape":[],"data_offsets":[0]}}`), `"a": data_offsets [0], want begin and end`},
		{"offsets that do not fit the shape", file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, 1, 2, 3, 4), `"a": data_offsets [0 4], want 8 bytes for shape [2] of float32`},
		{"offsets backwards", file(`{"a":{"dtype":"U8","shape":[],"data_offsets":[1,0]}}`, 1), `data_offsets [1 0]`},
		{"a gap", file(`{"a":{"dtype":"U8","shape":[],"data_offsets":[1,2]}}`, 1, 2), `"a" begins at 1, want 0`},
		{"an overlap", file(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}`, 1, 2, 3), `"b" begins at 1, want 2`},
		{"too much data", file(`{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}`, 1, 2), `2 bytes of data, want 1`},
		{"a bool that is none", file(`{"a":{"dtype":"BOOL","shape":[],"data_offsets":[0,1]}}`, 2), `"a" has a bool of value 2`},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "m")
			require.NoError(t, os.WriteFile(path+checkpoint.Extension, c.content, 0o666))
			_, err := checkpoint.Load(t.Context(), path, true)
			require.ErrorIs(t, err, checkpoint.ErrCorrupt)
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestAFileOfAnotherProgramIsReadIfAsked(t *testing.T) {
	content := file(`{"v":{"dtype":"I64","shape":[],"data_offsets":[1,9]},"u":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 9, 1, 0, 0, 0, 0, 0, 0, 0)
	path := filepath.Join(t.TempDir(), "model.safetensors")
	require.NoError(t, os.WriteFile(path, content, 0o666))
	s := holding("v", session.Int64(0), "u", session.TensorOf([]uint8{0}))
	require.ErrorIs(t, newSaver(t, checkpoint.SaverConfig{}).Restore(t.Context(), s, path), checkpoint.ErrUnchecked)
	require.Nil(t, s.set)
	require.NoError(t, newSaver(t, checkpoint.SaverConfig{AcceptUnchecked: true}).Restore(t.Context(), s, path))
	require.Equal(t, map[string]session.Value{"v": session.Int64(1), "u": session.TensorOf([]uint8{9})}, s.set)
}

// testdata/python.safetensors was written by safetensors.numpy.save_file 0.8.0.
func TestAFileOfPythonsIsRead(t *testing.T) {
	contents, err := checkpoint.Load(t.Context(), "testdata/python", true)
	require.NoError(t, err)
	require.Equal(t, map[string]session.Value{
		"f32":              session.TensorOf([]float32{1, -2.5, 3, 0, 5, 6}, 2, 3),
		"f64":              session.TensorOf([]float64{1.0 / 3, -2}),
		"i32":              session.TensorOf([]int32{-1, 1 << 30}, 1, 2),
		"i64":              session.TensorOf([]int64{-1, 1 << 60}),
		"u8":               session.TensorOf([]uint8{0, 1, 255}),
		"bool":             session.TensorOf([]bool{true, false, true}),
		"none":             session.TensorOf([]float32{}, 0, 7),
		"scalar":           session.Float32(7),
		"größe \"1\"\n<&>": session.Int64(1),
	}, contents.Variables)
	require.Equal(t, map[string]string{"global_step": "12", "model": "größe"}, contents.Metadata)
	step, err := checkpoint.GlobalStep("testdata/python")
	require.NoError(t, err)
	require.Equal(t, int64(12), step)
	_, err = checkpoint.Load(t.Context(), "testdata/python", false)
	require.ErrorIs(t, err, checkpoint.ErrUnchecked)
}

func FuzzHeader(f *testing.F) {
	path := saved(f, everyType())
	whole, err := os.ReadFile(path + checkpoint.Extension)
	require.NoError(f, err)
	n := binary.LittleEndian.Uint64(whole)
	f.Add(whole[8:8+n], int64(len(whole))-8-int64(n))
	f.Add([]byte(`{"a":{"dtype":"U8","shape":[1e2],"data_offsets":[0,100]}}`), int64(100))
	f.Add([]byte(`{"a":null,"__metadata__":null}`), int64(0))
	f.Fuzz(func(t *testing.T, header []byte, dataSize int64) {
		again, entries, err := checkpoint.ParseHeader(header, dataSize)
		if err != nil {
			return
		}
		if dataSize < 0 {
			t.Fatalf("accepted %d bytes of data", dataSize)
		}
		twice, entriesAgain, err := checkpoint.ParseHeader(again[8:], dataSize)
		require.NoError(t, err, "%q, written as %q", header, again)
		require.Equal(t, entries, entriesAgain)
		require.Equal(t, again, twice)
	})
}

func FuzzState(f *testing.F) {
	f.Add("model_checkpoint_path: \"a\\303\\244\" 'b'\nall_model_checkpoint_paths: [\"c\", 'd\\u00e4']; last_preserved_timestamp: 1.5e9f, # end")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := checkpoint.ParseState(text)
		if err != nil {
			return
		}
		again, err := checkpoint.ParseState(string(checkpoint.EncodeState(s)))
		require.NoError(t, err)
		require.Equal(t, s.AllModelCheckpointPaths, again.AllModelCheckpointPaths)
		require.Equal(t, s.ModelCheckpointPath, again.ModelCheckpointPath)
		require.Len(t, again.AllModelCheckpointTimestamps, len(s.AllModelCheckpointTimestamps))
	})
}
