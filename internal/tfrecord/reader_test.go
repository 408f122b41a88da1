package tfrecord_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/tfrecord"
)

// ending is how a stream ended.
type ending string

const (
	clean          ending = "clean"
	truncated      ending = "truncated"
	corruptLength  ending = "corrupt length"
	corruptPayload ending = "corrupt payload"
	otherError     ending = "other error"
)

// kind forgets which checksum was wrong.
func (e ending) kind() ending {
	if e == corruptLength || e == corruptPayload {
		return "corrupt"
	}
	return e
}

// outcome is all that reading a stream to its end showed.
type outcome struct {
	payloads [][]byte
	ending   ending
	offset   int64
	err      error
}

func (o outcome) strings() []string {
	s := []string{}
	for _, p := range o.payloads {
		s = append(s, string(p))
	}
	return s
}

// readAll reads until the first error.
func readAll(r *tfrecord.Reader) outcome {
	var o outcome
	for {
		payload, err := r.Next()
		if err == nil {
			o.payloads = append(o.payloads, bytes.Clone(payload))
			continue
		}
		o.err, o.offset, o.ending = err, r.Offset(), otherError
		var corrupt *tfrecord.CorruptError
		switch {
		case err == io.EOF:
			o.ending = clean
		case errors.Is(err, tfrecord.ErrTruncated):
			o.ending = truncated
		case errors.As(err, &corrupt) && corrupt.Field == tfrecord.FieldLength:
			o.ending = corruptLength
		case errors.As(err, &corrupt) && corrupt.Field == tfrecord.FieldPayload:
			o.ending = corruptPayload
		}
		return o
	}
}

func TestOffsetIsThatOfTheRecordNextWasAbout(t *testing.T) {
	file, starts := mixedFile()
	r := tfrecord.NewReader(bytes.NewReader(file))
	require.Zero(t, r.Offset())
	for i, want := range mixedPayloads() {
		payload, err := r.Next()
		require.NoError(t, err)
		require.Equal(t, want, bytes.Clone(payload))
		require.EqualValues(t, starts[i], r.Offset())
	}
	for range 2 {
		_, err := r.Next()
		require.Equal(t, io.EOF, err)
		require.EqualValues(t, len(file), r.Offset())
	}
}

func TestAppendingToAPayloadDoesNotReachTheNextRecord(t *testing.T) {
	r := tfrecord.NewReader(bytes.NewReader(tfrecord.Append(tfrecord.Append(nil, []byte("one")), []byte("two"))))
	payload, err := r.Next()
	require.NoError(t, err)
	_ = append(payload, "overwritten, if the slice had room"...)
	payload, err = r.Next()
	require.NoError(t, err)
	require.Equal(t, "two", string(payload))
}

func TestErrorsOfTheThreeEndings(t *testing.T) {
	whole := tfrecord.Append(nil, []byte("one"))
	t.Run("a clean end is io.EOF itself and no truncation", func(t *testing.T) {
		err := readAll(tfrecord.NewReader(bytes.NewReader(whole))).err
		require.Equal(t, io.EOF, err)
		require.NotErrorIs(t, err, tfrecord.ErrTruncated)
	})
	t.Run("a truncation is an unexpected EOF, never an EOF", func(t *testing.T) {
		err := readAll(tfrecord.NewReader(bytes.NewReader(append(whole, whole[:5]...)))).err
		require.ErrorIs(t, err, tfrecord.ErrTruncated)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		require.NotErrorIs(t, err, io.EOF)
		require.EqualError(t, err, "tfrecord: truncated record: unexpected EOF (at offset 19, 5 bytes so far)")
	})
	t.Run("a wrong length names both checksums and doubts the file", func(t *testing.T) {
		err := readAll(tfrecord.NewReader(bytes.NewReader(make([]byte, 16)))).err
		require.Equal(t, &tfrecord.CorruptError{Field: "length", Got: 0x07980329}, err)
		require.EqualError(t, err,
			"tfrecord: corrupt record at offset 0: length checksum is 0x07980329, want 0x00000000 (is this a record file?)")
	})
	t.Run("a wrong payload keeps the length, which is right", func(t *testing.T) {
		bad := tfrecord.Append(bytes.Clone(whole), []byte("foo"))
		bad[len(whole)+tfrecord.HeaderSize] = 'g'
		err := readAll(tfrecord.NewReader(bytes.NewReader(bad))).err
		require.Equal(t, &tfrecord.CorruptError{
			Offset: 19, Field: "payload", Length: 3, Want: 0xfebe8a61, Got: tfrecord.Checksum([]byte("goo")),
		}, err)
		require.NotErrorIs(t, err, io.ErrUnexpectedEOF)
	})
}

func TestACorruptRecordIsStickyEvenIfTheStreamGrows(t *testing.T) {
	var file bytes.Buffer
	bad := tfrecord.Append(nil, []byte("one"))
	bad[len(bad)-1] ^= 1
	file.Write(bad)
	r := tfrecord.NewReader(&file)
	_, first := r.Next()
	require.Error(t, first)
	file.Write(tfrecord.Append(nil, []byte("two")))
	for range 3 {
		_, err := r.Next()
		require.Same(t, first, err)
		require.Zero(t, r.Offset())
	}
}

// TestFollowsAFileByteByByte polls a file after each byte that its writer adds.
func TestFollowsAFileByteByByte(t *testing.T) {
	name := filepath.Join(t.TempDir(), "events")
	w, err := os.Create(name)
	require.NoError(t, err)
	defer w.Close()
	f, err := os.Open(name)
	require.NoError(t, err)
	defer f.Close()

	file, starts := mixedFile()
	boundaries := append(starts, len(file))
	payloads := mixedPayloads()
	r := tfrecord.NewReader(f)
	for i := range file {
		_, err := w.Write(file[i : i+1])
		require.NoError(t, err)

		written := i + 1
		at := lastBoundary(boundaries, written)
		want := outcome{ending: truncated, offset: int64(at)}
		if at == written {
			want.ending = clean
			want.payloads, payloads = payloads[:1], payloads[1:]
		}
		for range 2 { // The second poll finds the same, without the record.
			got := readAll(r)
			got.err = nil
			require.Equal(t, want, got, "after %d bytes", written)
			want.payloads = nil
		}
	}
	require.Empty(t, payloads)
}

func TestATruncatedRecordIsReadOnceItsRestArrives(t *testing.T) {
	file, starts := mixedFile()
	for cut := range len(file) {
		var stream bytes.Buffer
		stream.Write(file[:cut])
		r := tfrecord.NewReader(&stream)
		before := readAll(r)
		require.EqualValues(t, lastBoundary(starts, cut), before.offset)
		stream.Write(file[cut:])
		after := readAll(r)
		require.Equal(t, clean, after.ending)
		require.EqualValues(t, len(file), after.offset)
		require.Equal(t, mixedPayloads(), append(before.payloads, after.payloads...), "cut after %d bytes", cut)
	}
}

func TestAnEOFThatCameWithARecordIsForgottenWhenTheSourceGrows(t *testing.T) {
	source := &failOnce{data: tfrecord.Append(nil, []byte("one")), err: io.EOF}
	r := tfrecord.NewReader(source)
	_, err := r.Next()
	require.NoError(t, err)
	source.data = tfrecord.Append(nil, []byte("two"))
	payload, err := r.Next()
	require.NoError(t, err)
	require.Equal(t, "two", string(payload))
}

func TestSourcesThatDeliverInOddPieces(t *testing.T) {
	sources := map[string]func(io.Reader) io.Reader{
		"one byte at a time":                    iotest.OneByteReader,
		"half of what is asked":                 iotest.HalfReader,
		"the last bytes together with EOF":      iotest.DataErrReader,
		"one byte at a time, the last with EOF": func(r io.Reader) io.Reader { return iotest.DataErrReader(iotest.OneByteReader(r)) },
	}
	file, starts := mixedFile()
	damaged := bytes.Clone(file)
	damaged[starts[5]+2000] ^= 1
	for name, source := range sources {
		t.Run(name, func(t *testing.T) {
			for _, stream := range [][]byte{nil, file, file[:5], file[:starts[5]], file[:starts[5]+2000], damaged} {
				require.Equal(t,
					readAll(tfrecord.NewReader(bytes.NewReader(stream))),
					readAll(tfrecord.NewReader(source(bytes.NewReader(stream)))))
			}
		})
	}
}

func TestASourceErrorIsReportedOnceAndLosesNothing(t *testing.T) {
	file, starts := mixedFile()
	for cut := range len(file) + 1 {
		errDisk := errors.New("disk")
		for name, source := range map[string]io.Reader{
			"alone":         io.MultiReader(bytes.NewReader(file[:cut]), &failOnce{err: errDisk}, bytes.NewReader(file[cut:])),
			"with the data": io.MultiReader(&failOnce{data: file[:cut], err: errDisk}, bytes.NewReader(file[cut:])),
		} {
			r := tfrecord.NewReader(source)
			before := readAll(r)
			require.ErrorIs(t, before.err, errDisk, name)
			require.NotErrorIs(t, before.err, tfrecord.ErrTruncated, name)
			require.EqualValues(t, lastBoundary(append(starts, len(file)), cut), before.offset, name)
			after := readAll(r)
			require.Equal(t, clean, after.ending, name)
			require.Equal(t, mixedPayloads(), append(before.payloads, after.payloads...), name)
		}
	}
}

func TestATimeoutIsReportedOnceAndLosesNothing(t *testing.T) {
	file, _ := mixedFile()
	r := tfrecord.NewReader(iotest.TimeoutReader(iotest.OneByteReader(bytes.NewReader(file))))
	before := readAll(r)
	require.ErrorIs(t, before.err, iotest.ErrTimeout)
	after := readAll(r)
	require.Equal(t, clean, after.ending)
	require.Equal(t, mixedPayloads(), append(before.payloads, after.payloads...))
}

func TestASourceThatAlwaysFails(t *testing.T) {
	errDisk := errors.New("disk")
	r := tfrecord.NewReader(iotest.ErrReader(errDisk))
	for range 3 {
		_, err := r.Next()
		require.ErrorIs(t, err, errDisk)
		require.EqualError(t, err, "tfrecord: record at offset 0: disk")
	}
}

func TestSourcesThatBreakTheirContract(t *testing.T) {
	_, err := tfrecord.NewReader(countReader(0)).Next()
	require.ErrorIs(t, err, io.ErrNoProgress)
	for _, n := range []int{-1, 1 << 30} {
		_, err := tfrecord.NewReader(countReader(n)).Next()
		require.EqualError(t, err, "tfrecord: record at offset 0: source returned an impossible byte count")
	}
}

// failOnce returns its data and, with the last of it, its error; then io.EOF.
type failOnce struct {
	data []byte
	err  error
}

func (f *failOnce) Read(p []byte) (int, error) {
	n := copy(p, f.data)
	f.data = f.data[n:]
	if len(f.data) > 0 {
		return n, nil
	}
	err := f.err
	f.err = io.EOF
	return n, err
}

// countReader claims to have read that many bytes.
type countReader int

func (c countReader) Read([]byte) (int, error) { return int(c), nil }
