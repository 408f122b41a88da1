package cli_test

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/cmd/runhook/internal/cli"
	"github.com/runhook/runhook/summary"
)

func TestDamageIsToldWithFileAndOffset(t *testing.T) {
	logdir(t)
	flip(t, "runs/train/"+first, 900)
	const where = "runhook: runs/train/" + first + ": record at offset 863: corrupt: payload checksum is 0x"
	for _, args := range []string{"ls runs", "cat runs", "show runs", "stats runs", "export runs", "diff runs runs"} {
		r := command(t, strings.Fields(args)...)
		require.Equal(t, 1, r.status, args)
		require.Contains(t, r.err, where)
		if !strings.HasPrefix(args, "diff") {
			require.NotEmpty(t, r.out, args)
		}
	}
	r := command(t, "cat", "runs", "--salvage", "--run", "train", "--tag", "loss", "--steps", "10:20")
	require.Equal(t, 1, strings.Count(r.out, "\n"), "step 10 is lost, step 20 is not")
	require.Contains(t, r.err, "(42 bytes passed over)")
}

func TestRepairRescuesEveryIntactRecord(t *testing.T) {
	logdir(t)
	path := "runs/train/" + first
	whole := records(t, path)
	clean, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, test := range []struct {
		name    string
		bytes   []byte
		lost    int // records
		version bool
	}{
		{"torn", clean[:len(clean)-1], 1, false},
		{"payload", flipped(clean, 900), 1, false},
		{"length", flipped(clean, 864), 1, false},
		{"version", flipped(clean, 20), 1, true},
		{"zeros inside", append(append(append([]byte{}, clean[:863]...), make([]byte, 100)...), clean[863:]...), 0, false},
		{"zeros at the end", append(append([]byte{}, clean...), make([]byte, 4096)...), 0, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.NoError(t, os.WriteFile(path, test.bytes, 0o666))
			require.NoError(t, os.Chmod(path, 0o640))
			require.Equal(t, 1, command(t, "repair", path, "--dry-run").status)
			r := command(t, "repair", "runs", "-o", "out", "--json")
			require.Zero(t, r.status, r.err)
			var report []struct {
				Output  string
				Records int
				Faults  []struct{ Offset int64 }
				Version bool `json:"version_added"`
			}
			require.NoError(t, json.Unmarshal([]byte(r.out), &report))
			require.Len(t, report, 3)
			require.Equal(t, "out/train/"+first, report[1].Output)
			require.Equal(t, len(whole)-test.lost, report[1].Records)
			require.Equal(t, test.version, report[1].Version)
			require.Len(t, report[1].Faults, 1)

			got := records(t, "out/train/"+first)
			if test.version {
				require.Contains(t, string(got[0]), "brain.Event:2")
				got = got[1:]
			}
			require.Len(t, got, len(whole)-test.lost)
			for _, record := range got {
				require.Contains(t, whole, record)
			}
			repaired, err := os.ReadFile("out/train/" + first)
			require.NoError(t, err)
			require.NoError(t, os.RemoveAll("out"))

			succeeds(t, "repair", path, "-o", "single")
			single, err := os.ReadFile("single")
			require.NoError(t, err)
			require.Equal(t, repaired, single)
			require.NoError(t, os.Remove("single"))

			succeeds(t, "repair", "runs", "--in-place")
			inPlace, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, repaired, inPlace)
			info, err := os.Stat(path)
			require.NoError(t, err)
			require.EqualValues(t, 0o640, info.Mode().Perm())
			require.Zero(t, command(t, "repair", "runs", "--dry-run").status)
		})
	}
}

func flipped(b []byte, at int) []byte {
	out := append([]byte{}, b...)
	out[at] ^= 0x40
	return out
}

func TestVerifyFindsWhatIsWrong(t *testing.T) {
	logdir(t)
	write(t, "runs/odd", second, func(w *summary.FileWriter) {
		must(t, w.Scalar("late", 1, 5))
		must(t, w.Scalar("late", 2, 3))
		must(t, w.Scalar(" blank", 1, 1))
	})
	require.NoError(t, os.WriteFile("runs/odd/"+first, nil, 0o666))
	require.NoError(t, os.Rename("runs/train/"+first, "runs/train/z.tfevents"))
	b, err := os.ReadFile("runs/eval/" + first)
	require.NoError(t, err)
	require.NoError(t, os.Mkdir("runs/unversioned", 0o777))
	require.NoError(t, os.WriteFile("runs/unversioned/"+first, b[51:], 0o666)) // Behind the version.
	flip(t, "runs/eval/"+first, 20)
	b, err = os.ReadFile("runs/train/" + second)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile("runs/train/"+second, b[:len(b)-1], 0o666))
	r := command(t, "verify", "runs")
	golden(t, "verify_faults", r.out)
	require.Equal(t, 1, r.status)
	require.Empty(t, r.err)

	out := command(t, "verify", "runs", "--ignore", "reader,damage,torn,empty,version,order,name")
	require.Zero(t, out.status)
	require.Equal(t, 2, command(t, "verify", "runs", "--ignore", "nothing").status)

	one := command(t, "verify", "runs/odd/"+second)
	require.Equal(t, 1, one.status)
	require.Contains(t, one.out, `rustboard: 1 point of tag "late" in run ".": steps do not rise`)
}

func TestNothingThere(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.Mkdir("empty", 0o777))
	require.NoError(t, os.WriteFile("x.tfevents", nil, 0o666))
	for _, name := range []string{"ls", "cat", "show", "stats", "export", "verify"} {
		r := command(t, name, "empty")
		require.Equal(t, result{err: "runhook: empty: no event files here or below\n", status: 2}, r)
		r = command(t, name, "missing")
		require.Equal(t, result{err: "runhook: stat missing: no such file or directory\n", status: 2}, r)
	}
	require.Equal(t, "[]\n", succeeds(t, "ls", "x.tfevents", "--json"))
	r := command(t, "show", "x.tfevents")
	require.Equal(t, result{err: "runhook: x.tfevents: no scalars that match\n", status: 2}, r)
}

func TestArgumentsThatMakeNoSense(t *testing.T) {
	logdir(t)
	for args, want := range map[string]string{
		"ls runs more":                       "accepts at most 1 arg(s), received 2",
		"ls --tag re:( runs":                 "pattern \"re:(\": error parsing regexp",
		`ls --tag x\ runs`:                   `pattern "x\\" ends with \`,
		"ls --steps a:b runs":                `--steps "a:b", want FROM:TO`,
		"ls --steps 5:1 runs":                "the first is above the last",
		"ls --since yesterday runs":          `--since "yesterday" is no time`,
		"ls --until nan runs":                `--until "nan" is no time`,
		"ls --kind picture runs":             `--kind "picture", want one of unknown, scalar,`,
		"show --smooth 2 --color red runs":   "--smooth 2, want 0 to 1\nrunhook: --color \"red\", want auto, always or never",
		"show --x side runs":                 `--x "side": no run has a scalar of this tag`,
		"show --y 3:1 runs":                  `--y "3:1", want LOW:HIGH`,
		"show --follow runs":                 "draws on a terminal, and this is none",
		"diff runs":                          "accepts 2 arg(s), received 1",
		"diff runs runs --tolerance -1":      "--tolerance -1",
		"export runs --format parquet":       "--format parquet needs an --output",
		"repair runs":                        "at least one of the flags in the group [output in-place dry-run] is required",
		"edit purge runs --from 1":           `required flag(s) "output" not set`,
		"edit split runs -o x --size big":    `--size "big", want a number of bytes`,
		"edit split runs -o x --move a":      `--move "a", want PATTERN=RUN`,
		"edit downsample runs -o x --keep 0": "want one of them above 0",
		"fly":                                `unknown command "fly" for "runhook"`,
	} {
		r := command(t, strings.Fields(args)...)
		require.Equal(t, 2, r.status, args)
		require.Contains(t, r.err, want, args)
		require.Empty(t, r.out)
	}
}

func TestCtrlCInterrupts(t *testing.T) {
	logdir(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, args := range []string{
		"ls runs", "cat runs", "show runs", "stats runs", "export runs", "export runs -o out.csv", "diff runs runs", "verify runs",
		"repair runs -o out", "repair runs --in-place", "edit purge runs -o out --from 3", "edit merge runs -o out",
	} {
		r := commandOn(t, ctx, cli.Streams{}, strings.Fields(args)...)
		require.Equal(t, 130, r.status, args)
		require.Equal(t, "runhook: interrupted\n", r.err, args)
	}
	entries, err := os.ReadDir(".")
	require.NoError(t, err)
	require.Len(t, entries, 1, "nothing half done is left")
}

// A link to itself cannot be followed, which is no reason to do nothing.
func TestADirectoryThatCannotBeListedIsTold(t *testing.T) {
	logdir(t)
	require.NoError(t, os.Symlink("loop", "runs/loop"))
	for _, args := range []string{"ls runs", "cat runs", "show runs", "stats runs", "export runs", "verify runs", "repair runs -n"} {
		r := command(t, strings.Fields(args)...)
		require.Equal(t, 2, r.status, args)
		require.Equal(t, "runhook: stat runs/loop: too many levels of symbolic links\n", r.err, args)
		require.NotEmpty(t, r.out, args)
	}
	require.Equal(t, 2, command(t, "edit", "purge", "runs", "--from", "5", "-o", "out").status)
	require.NoDirExists(t, "out")
}

func TestRepairInPlaceFollowsLinks(t *testing.T) {
	logdir(t)
	require.NoError(t, os.Rename("runs/train/"+first, "real"))
	require.NoError(t, os.Symlink("../../real", "runs/train/"+first))
	flip(t, "real", 900)
	succeeds(t, "repair", "runs", "--in-place")
	info, err := os.Lstat("runs/train/" + first)
	require.NoError(t, err)
	require.NotZero(t, info.Mode()&os.ModeSymlink)
	require.Zero(t, command(t, "repair", "real", "-n").status)
}

// What a resumed run has dropped is meant to go, and what tells the data server so
// is no data.
func TestVerifyFindsNothingInARunThatWasResumed(t *testing.T) {
	dir := t.TempDir()
	for i, resume := range []summary.ResumePoint{{}, summary.ResumeAfter(4)} {
		w, err := summary.NewFileWriter(dir, summary.FileWriterConfig{Resume: resume})
		require.NoError(t, err)
		for step := range int64(9) {
			if i == 0 {
				require.NoError(t, w.Scalar("accuracy", 0.5, step))
			}
			if i == 0 || step > 4 {
				require.NoError(t, w.Scalar("loss", 1, step))
			}
		}
		require.NoError(t, w.Close())
	}
	succeeds(t, "verify", dir)
}
