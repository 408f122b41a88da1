package data

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDataSetIsTheFileThatItsReadmeDescribes(t *testing.T) {
	sum := sha256.Sum256(file)
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	require.Contains(t, string(readme), hex.EncodeToString(sum[:]))
	require.Equal(t, "09f66e6debdee2cd2b5ae59e0d6abbb73fc2b0e0185d2e1957e9ebb51e23aa22", hex.EncodeToString(sum[:]))
}

func TestDataSetHasThePublishedShapeAndClasses(t *testing.T) {
	images, labels, err := Load()
	require.NoError(t, err)
	require.Equal(t, 1797, len(labels))
	require.Len(t, images, 1797*Pixels)
	require.Equal(t, float32(0), slices.Min(images))
	require.Equal(t, float32(1), slices.Max(images))

	// Class counts of the test set in optdigits.names, the description at its
	// source.
	var counts [Classes]int
	for _, label := range labels {
		counts[label]++
	}
	require.Equal(t, [Classes]int{178, 182, 177, 183, 181, 182, 181, 179, 174, 180}, counts)

	// The first row of the file: its third to sixth pixel are 5, 13, 9, 1.
	require.Equal(t, []float32{0, 0, 5. / 16, 13. / 16, 9. / 16, 1. / 16, 0, 0}, images[:Side])
	require.Equal(t, uint8(0), labels[0])
}

func TestReadDigitsRejects(t *testing.T) {
	row := func(pixel, label string) string { return strings.Repeat("0,", Pixels-1) + pixel + "," + label + "\n" }
	tests := []struct{ name, text, want string }{
		{"a row that is too short", "1,2,3\n", "wrong number of fields"},
		{"a pixel above 16", row("0", "0") + row("17", "0"), `line 2, column 127: "17", want 0 to 16`},
		{"a negative pixel", row("-1", "0"), `"-1", want 0 to 16`},
		{"a pixel that is no number", row("x", "0"), `"x", want 0 to 16`},
		{"a label above 9", row("0", "10"), `"10", want 0 to 9`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, _, err := read(strings.NewReader(test.text))
			require.ErrorContains(t, err, "digits: ")
			require.ErrorContains(t, err, test.want)
		})
	}
}
