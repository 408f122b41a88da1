package summary_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/summary"
)

func TestADirectoryHasOneWriterHoweverItIsSpelled(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(filepath.Dir(dir))
	var cache summary.WriterCache
	w, err := cache.Get(dir)
	require.NoError(t, err)
	spellings := []string{
		dir + "/", dir + "/.", dir + "/x/..", "./" + filepath.Base(dir), filepath.Base(dir) + "//",
	}
	for _, spelling := range spellings {
		same, err := cache.Get(spelling)
		require.NoError(t, err)
		require.Same(t, w, same, spelling)
	}
	require.NoError(t, w.Scalar("loss", 1, 1))
	for range spellings {
		require.NoError(t, cache.Release(w))
		require.NoError(t, w.Flush(), "still in use")
	}
	require.NoError(t, cache.Release(w))
	require.ErrorIs(t, w.Flush(), summary.ErrClosed, "the last release closes")
	require.Equal(t, []string{"1: loss=1"}, lines(readEvents(t, onlyFile(t, dir))))
}

func TestASymbolicLinkIsADirectoryOfItsOwn(t *testing.T) {
	parent := t.TempDir()
	dir, link := filepath.Join(parent, "dir"), filepath.Join(parent, "link")
	require.NoError(t, os.Mkdir(dir, 0o777))
	require.NoError(t, os.Symlink(dir, link))
	var cache summary.WriterCache
	a, err := cache.Get(dir)
	require.NoError(t, err)
	b, err := cache.Get(link)
	require.NoError(t, err)
	require.NotSame(t, a, b)
	require.NoError(t, cache.Release(a))
	require.NoError(t, cache.Release(b))
	require.Len(t, eventFiles(t, dir), 2)
}

func TestAReleasedDirectoryGetsANewWriter(t *testing.T) {
	dir := t.TempDir()
	var cache summary.WriterCache
	first, err := cache.Get(dir)
	require.NoError(t, err)
	require.NoError(t, cache.Release(first))
	require.NoError(t, cache.Release(first), "nobody's any more")
	second, err := cache.Get(dir)
	require.NoError(t, err)
	require.NotSame(t, first, second)
	require.NoError(t, cache.Release(first), "nobody's any more")
	require.NoError(t, second.Scalar("loss", 1, 1))
	require.NoError(t, cache.Release(second))
	require.Len(t, eventFiles(t, dir), 2)
}

func TestAWriterThatItsUserClosedIsNotHandedOutAgain(t *testing.T) {
	dir := t.TempDir()
	var cache summary.WriterCache
	closed, err := cache.Get(dir)
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	w, err := cache.Get(dir)
	require.NoError(t, err)
	require.NotSame(t, closed, w)
	require.NoError(t, w.Scalar("loss", 1, 1))
	require.NoError(t, cache.Release(closed))
	require.NoError(t, w.Flush(), "the release of the closed one is not its own")
	require.NoError(t, cache.Release(w))
	require.ErrorIs(t, w.Flush(), summary.ErrClosed)
}

func TestAReopenedWriterStaysInTheCache(t *testing.T) {
	dir := t.TempDir()
	var cache summary.WriterCache
	w, err := cache.Get(dir)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.NoError(t, w.Reopen())
	same, err := cache.Get(dir)
	require.NoError(t, err)
	require.Same(t, w, same)
	require.NoError(t, cache.Release(w))
	require.NoError(t, cache.Release(w))
	require.ErrorIs(t, w.Flush(), summary.ErrClosed)
}

func TestADirectoryThatCannotBeOpenedLeavesNothingInTheCache(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	require.NoError(t, os.WriteFile(dir, nil, 0o666))
	var cache summary.WriterCache
	for range 2 {
		w, err := cache.Get(dir)
		require.ErrorContains(t, err, dir)
		require.Nil(t, w)
	}
	_, err := cache.Get("")
	require.EqualError(t, err, "summary: FileWriterCache: logdir is empty")

	require.NoError(t, os.Remove(dir))
	w, err := cache.Get(dir)
	require.NoError(t, err)
	require.NoError(t, cache.Release(w))
	require.ErrorIs(t, w.Flush(), summary.ErrClosed)
}

func TestAForeignWriterIsNotTheCachesToClose(t *testing.T) {
	dir := t.TempDir()
	var cache summary.WriterCache
	w := openWriter(t, dir, summary.FileWriterConfig{})
	require.NoError(t, cache.Release(w))
	require.NoError(t, w.Flush())
}

func TestManyGoroutinesShareWriters(t *testing.T) {
	parent := t.TempDir()
	var cache summary.WriterCache
	dirs := []string{filepath.Join(parent, "a"), filepath.Join(parent, "b")}
	var group sync.WaitGroup
	for g := range 16 {
		group.Go(func() {
			for i := range 50 {
				w, err := cache.Get(dirs[(g+i)%2])
				if err != nil {
					t.Error(err)
					return
				}
				if err := w.Scalar("loss", 1, 1); err != nil {
					t.Error(err)
				}
				if err := cache.Release(w); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	count := 0
	for _, dir := range dirs {
		for _, file := range eventFiles(t, dir) {
			count += len(readEvents(t, file))
		}
	}
	require.Equal(t, 16*50, count)
}

func TestGoroutinesThatOpenADirectoryAtOnceShareTheWriter(t *testing.T) {
	dir := t.TempDir()
	var cache summary.WriterCache
	writers := make([]*summary.FileWriter, 16)
	var group sync.WaitGroup
	for i := range writers {
		group.Go(func() {
			var err error
			if writers[i], err = cache.Get(dir); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	for _, w := range writers {
		require.Same(t, writers[0], w)
		require.NoError(t, cache.Release(w))
	}
	onlyFile(t, dir)
}

func TestTheFirstOneSetsTheSettings(t *testing.T) {
	dir := t.TempDir()
	var cache summary.WriterCache
	config := summary.FileWriterConfig{Rotate: summary.Rotate{Events: 1}, OnError: func(error) {}}
	w, err := cache.GetWith(dir, config)
	require.NoError(t, err)
	same, err := cache.Get(dir)
	require.NoError(t, err)
	require.Same(t, w, same)
	config.FlushSecs = 10 * time.Second // which is the default
	config.Resume = summary.ResumeAtEnd()
	same, err = cache.GetWith(dir, config)
	require.NoError(t, err)
	require.Same(t, w, same)

	for name, other := range map[string]summary.FileWriterConfig{
		"a setting":     {Rotate: summary.Rotate{Events: 2}, OnError: config.OnError},
		"nobody to ask": {Rotate: summary.Rotate{Events: 1}},
		"none":          {},
	} {
		_, err = cache.GetWith(dir, other)
		require.EqualError(t, err, "summary: FileWriterCache: the writer of "+dir+" is open with other settings", name)
	}
	_, err = cache.GetWith(dir, summary.FileWriterConfig{FlushEvents: -1})
	require.ErrorContains(t, err, "FlushEvents is -1")

	require.NoError(t, w.Scalar("loss", 1, 1))
	require.NoError(t, w.Scalar("loss", 1, 2))
	for range 3 {
		require.NoError(t, w.Flush(), "still in use")
		require.NoError(t, cache.Release(w))
	}
	require.ErrorIs(t, w.Flush(), summary.ErrClosed)
	require.Len(t, eventFiles(t, dir), 2)
}
