package summary_test

import (
	"image"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/summary"
)

func readFile(t *testing.T, path ...string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(path...))
	require.NoError(t, err)
	return string(content)
}

func TestEmbeddingsOfSeveralStepsAreKept(t *testing.T) {
	dir := t.TempDir()
	w := openWriter(t, dir, summary.FileWriterConfig{})
	e := summary.Embedding{Name: "words", Vectors: [][]float32{{0.5, 1}, {2, -0.25}}, Metadata: [][]string{{"größe"}, {"b c"}}}
	require.NoError(t, w.Embedding(e, 1))
	require.NoError(t, w.Embedding(e, 20))
	require.NoError(t, w.Embedding(e, 20))
	require.NoError(t, w.Close())
	require.ErrorIs(t, w.Embedding(e, 30), summary.ErrClosed)
	require.Equal(t, `embeddings {
  tensor_name: "words:00001"
  tensor_path: "00001/words/tensors.tsv"
  metadata_path: "00001/words/metadata.tsv"
}
embeddings {
  tensor_name: "words:00020"
  tensor_path: "00020/words/tensors.tsv"
  metadata_path: "00020/words/metadata.tsv"
}
`, readFile(t, dir, "projector_config.pbtxt"))
	require.Equal(t, "0.5\t1\n2\t-0.25\n", readFile(t, dir, "00020", "words", "tensors.tsv"))
	require.Equal(t, "größe\nb c\n", readFile(t, dir, "00020", "words", "metadata.tsv"))
}

func TestEmbeddingsReplaceThoseThatWereThere(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	plain := summary.Embedding{Name: "a", Vectors: [][]float32{{1}}, Metadata: [][]string{{"x", "y"}}, Header: []string{"first", "second"}}
	require.NoError(t, summary.WriteEmbeddings(dir, plain))
	binary := summary.Embedding{Name: `b"`, Vectors: [][]float32{{1, 2, 3}, {4, 5, 6}}, Binary: true, Sprites: []image.Image{
		image.NewGray(image.Rect(0, 0, 2, 1)), image.NewRGBA(image.Rect(3, 3, 5, 4)),
	}}
	require.NoError(t, summary.WriteEmbeddings(dir, plain, binary))
	require.Equal(t, `embeddings {
  tensor_name: "a"
  tensor_path: "a/tensors.tsv"
  metadata_path: "a/metadata.tsv"
}
embeddings {
  tensor_name: "b\""
  tensor_shape: 2
  tensor_shape: 3
  tensor_path: "b\"/tensors.bytes"
  sprite {
    image_path: "b\"/sprite.png"
    single_image_dim: 2
    single_image_dim: 1
  }
}
`, readFile(t, dir, "projector_config.pbtxt"))
	require.Equal(t, "first\tsecond\nx\ty\n", readFile(t, dir, "a", "metadata.tsv"))
	require.Len(t, readFile(t, dir, `b"`, "tensors.bytes"), 24)
}

func TestEmbeddingsThatCannotBeShownAreRefused(t *testing.T) {
	one := [][]float32{{1}}
	grey := image.NewGray(image.Rect(0, 0, 2, 2))
	for _, c := range []struct {
		embedding summary.Embedding
		want      string
	}{
		{summary.Embedding{Vectors: one}, `summary: embedding "": name "", want one that can be a folder's`},
		{summary.Embedding{Name: "../a", Vectors: one}, `summary: embedding "../a": name "../a", want one that can be a folder's`},
		{summary.Embedding{Name: "..", Vectors: one}, `summary: embedding "..": name "..", want one that can be a folder's`},
		{summary.Embedding{Name: "a\xff", Vectors: one}, `summary: embedding "a\xff": name "a\xff", want one that can be a folder's`},
		{summary.Embedding{Name: "a"}, `summary: embedding "a": no vectors, or empty ones`},
		{summary.Embedding{Name: "a", Vectors: [][]float32{{}}}, `summary: embedding "a": no vectors, or empty ones`},
		{summary.Embedding{Name: "a", Vectors: [][]float32{{1}, {1, 2}}}, `summary: embedding "a": vector 1 has length 2, the first 1`},
		{summary.Embedding{Name: "a", Vectors: [][]float32{{float32(math.NaN())}}}, `summary: embedding "a": vector 0 has the element NaN, want finite ones`},
		{summary.Embedding{Name: "a", Vectors: one, Header: []string{"x"}}, `summary: embedding "a": a header without metadata`},
		{summary.Embedding{Name: "a", Vectors: one, Metadata: [][]string{}}, `summary: embedding "a": 0 rows of metadata for 1 vectors`},
		{summary.Embedding{Name: "a", Vectors: one, Metadata: [][]string{{}}}, `summary: embedding "a": 0 columns of metadata with a header of 0`},
		{summary.Embedding{Name: "a", Vectors: one, Metadata: [][]string{{"x", "y"}}}, `summary: embedding "a": 2 columns of metadata with a header of 0`},
		{summary.Embedding{Name: "a", Vectors: one, Metadata: [][]string{{"x\ty"}}}, `summary: embedding "a": row 0 of the metadata has "x\ty", want text without tabs and line breaks`},
		{summary.Embedding{Name: "a", Vectors: one, Sprites: []image.Image{grey, grey}}, `summary: embedding "a": 2 sprites for 1 vectors`},
		{summary.Embedding{Name: "a", Vectors: one, Sprites: []image.Image{nil}}, `summary: embedding "a": sprite 0 is nil, empty, or of another size than the first`},
		{summary.Embedding{Name: "a", Vectors: one, Sprites: []image.Image{image.NewUniform(color.White)}}, `summary: embedding "a": 1 by 1 sprites of (2000000000,2000000000), want a sheet of at most 8192 by 8192 pixels`},
	} {
		dir := filepath.Join(t.TempDir(), "run")
		require.EqualError(t, summary.WriteEmbeddings(dir, c.embedding), c.want)
		require.NoDirExists(t, dir)
	}
	require.EqualError(t, summary.WriteEmbeddings(t.TempDir()), "summary: WriteEmbeddings: no embeddings")
	twice := summary.Embedding{Name: "a", Vectors: one}
	require.EqualError(t, summary.WriteEmbeddings(t.TempDir(), twice, twice), `summary: two embeddings are named "a"`)
}
