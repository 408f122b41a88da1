package tfrecord_test

import (
	"bytes"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/goldentest"
	"github.com/runhook/runhook/internal/tfrecord"
)

// golden is tfrecord.json: what TensorFlow 2.21.0 wrote, and what its
// reader made of damaged files.
type golden struct {
	Records []struct {
		goldenPayload
		Record           string
		Header           string
		MaskedLengthCRC  string `json:"masked_length_crc"`
		MaskedPayloadCRC string `json:"masked_payload_crc"`
	}
	CRC32C []struct {
		goldenPayload
		CRC    string
		Masked string
	}
	Files []goldenFile
}

// goldenPayload is spelled out in hex or described by a rule. The file has one
// such rule, that of rulePayload.
type goldenPayload struct {
	Payload     string
	PayloadRule string `json:"payload_rule"`
}

type goldenFile struct {
	Name    string
	Hex     string
	HexRule string `json:"hex_rule"`
	Records []string
	Error   *struct{ Type, Message string }
	Signal  int `json:"process_died_with_signal"`
}

func readGolden(t *testing.T) golden {
	t.Helper()
	var g golden
	for _, table := range goldentest.Tables[golden](t, "tfrecord.json") {
		g.Records = append(g.Records, table.Records...)
		g.CRC32C = append(g.CRC32C, table.CRC32C...)
		g.Files = append(g.Files, table.Files...)
	}
	return g
}

func (p goldenPayload) bytes(t *testing.T) []byte {
	t.Helper()
	if p.PayloadRule == "" {
		return unhex(t, p.Payload)
	}
	payload := make([]byte, 70000)
	for i := range payload {
		payload[i] = byte(31*i + i/256)
	}
	return payload
}

func TestGoldenRecords(t *testing.T) {
	records := readGolden(t).Records
	require.NotEmpty(t, records)
	for _, c := range records {
		payload := c.bytes(t)
		record := tfrecord.Append(nil, payload)
		header, footer := record[:tfrecord.HeaderSize], record[len(record)-tfrecord.FooterSize:]
		if c.Record != "" {
			require.Equal(t, unhex(t, c.Record), record)
			require.Equal(t, c.MaskedLengthCRC, hexNumber(tfrecord.Checksum(header[:8])))
		} else {
			require.Equal(t, unhex(t, c.Header), header)
		}
		crc := parseHex(t, c.MaskedPayloadCRC)
		require.Equal(t, []byte{byte(crc), byte(crc >> 8), byte(crc >> 16), byte(crc >> 24)}, footer)

		r := tfrecord.NewReader(bytes.NewReader(record))
		got, err := r.Next()
		require.NoError(t, err)
		require.True(t, bytes.Equal(payload, got))
		_, err = r.Next()
		require.Equal(t, io.EOF, err)
	}
}

func TestGoldenChecksums(t *testing.T) {
	checksums := readGolden(t).CRC32C
	require.NotEmpty(t, checksums)
	for _, c := range checksums {
		masked := tfrecord.Checksum(c.bytes(t))
		require.Equal(t, c.Masked, hexNumber(masked))
		require.Equal(t, c.CRC, hexNumber(unmask(masked)))
	}
}

// TestGoldenFiles compares our reader with TensorFlow's, file by file. Where
// deviation is empty both must deliver the same records and end alike; where it
// says why they differ, they must differ.
func TestGoldenFiles(t *testing.T) {
	const tornHeader = "TensorFlow takes a torn header for a clean end; ours is a torn record like any other, " +
		"because a writer that goes on behind it would make the file unreadable"

	cases := map[string]struct {
		ending    ending
		offset    int64
		deviation string
	}{
		"good":               {ending: clean, offset: 59},
		"empty":              {ending: clean},
		"cut_1":              {ending: truncated, deviation: tornHeader},
		"cut_8":              {ending: truncated, deviation: tornHeader},
		"cut_11":             {ending: truncated, deviation: tornHeader},
		"cut_12":             {ending: truncated},
		"cut_14":             {ending: truncated},
		"cut_15":             {ending: truncated},
		"cut_18":             {ending: truncated},
		"cut_second":         {ending: truncated, offset: 19, deviation: tornHeader},
		"bad_length":         {ending: corruptLength},
		"bad_length_crc":     {ending: corruptLength},
		"bad_payload":        {ending: corruptPayload},
		"bad_payload_crc":    {ending: corruptPayload},
		"bad_second_payload": {ending: corruptPayload, offset: 19},
		"zeros":              {ending: corruptLength},
		"garbage":            {ending: corruptLength},
		"trailing_zeros":     {ending: corruptLength, offset: 59},
		"huge_length": {
			ending:    corruptLength,
			deviation: "TensorFlow asks for 2^62 bytes and dies; no memory holds such a record, so the length is not one",
		},
	}

	g := readGolden(t)
	require.GreaterOrEqual(t, len(g.Files), len(cases))
	for i, f := range g.Files {
		t.Run(f.Name, func(t *testing.T) {
			file := f.bytes(t, g)
			got := readAll(tfrecord.NewReader(bytes.NewReader(file)))
			want, ok := cases[f.Name]
			if i < len(cases) {
				require.True(t, ok, "a file that the table does not know")
				require.Equal(t, want.ending, got.ending)
				require.Equal(t, want.offset, got.offset)
			} else {
				want.deviation = ""
				if left := int64(len(file)) - got.offset; f.Error == nil && 0 < left && left < tfrecord.HeaderSize {
					want.deviation = tornHeader
				}
			}
			if f.Signal == 0 {
				require.Equal(t, f.Records, got.strings())
			} else {
				require.Empty(t, got.payloads)
			}

			theirs, theirOffset := f.ending(t)
			if want.deviation != "" || f.Signal != 0 {
				require.NotEqual(t, theirs, got.ending)
				return
			}
			require.Equal(t, theirs.kind(), got.ending.kind())
			if got.ending == corruptPayload {
				theirOffset -= tfrecord.HeaderSize // It names the payload's own offset.
			}
			if theirs != clean {
				require.Equal(t, theirOffset, got.offset)
			}
		})
	}
}

// bytes returns the file. The one rule is that of trailing_zeros.
func (f goldenFile) bytes(t *testing.T, g golden) []byte {
	t.Helper()
	if f.HexRule == "" {
		return unhex(t, f.Hex)
	}
	require.Equal(t, "good", g.Files[0].Name)
	return append(unhex(t, g.Files[0].Hex), make([]byte, 4096)...)
}

// ending is how TensorFlow's reader ended, and the offset in its message. Its
// message does not tell which checksum was wrong.
func (f goldenFile) ending(t *testing.T) (ending, int64) {
	t.Helper()
	switch {
	case f.Signal != 0:
		return "process died", 0
	case f.Error == nil:
		return clean, 0
	}
	require.Equal(t, "DataLossError", f.Error.Type)
	kind, rest, ok := strings.Cut(f.Error.Message, " record at ")
	require.True(t, ok, f.Error.Message)
	digits := rest[:len(rest)-len(strings.TrimLeft(rest, "0123456789"))]
	offset, err := strconv.ParseInt(digits, 10, 64)
	require.NoError(t, err)
	return map[string]ending{"truncated": truncated, "corrupted": corruptLength}[kind], offset
}

func hexNumber(n uint32) string {
	s := strconv.FormatUint(uint64(n), 16)
	return strings.Repeat("0", 8-len(s)) + s
}

func parseHex(t *testing.T, s string) uint32 {
	t.Helper()
	n, err := strconv.ParseUint(s, 16, 32)
	require.NoError(t, err)
	return uint32(n)
}
