package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/runhook/runhook/cmd/runhook/internal/rewrite"
)

func (a *app) repairCommand() *cobra.Command {
	var out string
	var inPlace, dryRun bool
	cmd := &cobra.Command{
		Use:   "repair PATH",
		Short: "Rescue every intact record of torn and corrupt files",
		Long: `repair writes a new file with every intact record of an event file, byte by byte
as it is: what follows damage is found again by its checksums, a torn tail is
cut off. Records that are whole but no events are left out, too; they end
TensorBoard's Python server. A file that has lost its version event gets one.

For a log directory it makes a new directory with all event files of all runs,
those without damage copied. With --in-place only the damaged files are
replaced; nothing may be writing to them.

Exit status: 0 repaired, or nothing to do; with --dry-run 1 if there is; 2 not done.`,
		Example: `  runhook repair runs/train/events.out.tfevents.1795947506.host -o rescued.tfevents
  runhook repair runs -o repaired
  runhook repair runs --dry-run
  runhook repair runs --in-place`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.repair(cmd.Context(), args[0], out, inPlace, dryRun)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&out, "output", "o", "", "the new file or directory")
	f.BoolVar(&inPlace, "in-place", false, "replace the damaged files")
	f.BoolVarP(&dryRun, "dry-run", "n", false, "write nothing, tell what there is to repair")
	cmd.MarkFlagsOneRequired("output", "in-place", "dry-run")
	cmd.MarkFlagsMutuallyExclusive("output", "in-place", "dry-run")
	return cmd
}

type repairedJSON struct {
	File    string      `json:"file"`
	Output  string      `json:"output,omitempty"`
	Records int         `json:"records"`
	Skipped int64       `json:"skipped_bytes"`
	Faults  []faultJSON `json:"faults"`
	Version bool        `json:"version_added,omitempty"`
}

type faultJSON struct {
	Offset  int64  `json:"offset"`
	Skipped int64  `json:"skipped_bytes,omitempty"`
	Error   string `json:"error"`
}

func (a *app) repair(ctx context.Context, path, out string, inPlace, dryRun bool) error {
	l, err := a.open(path, &selection{})
	if err != nil {
		return err
	}
	var results []repairedJSON
	work := func(destination func(run, file string) string, replace bool) error {
		return a.measured(l, "repairing", false, func() error {
			for _, run := range l.runs {
				for _, file := range run.Files {
					r, err := a.repairFile(ctx, file, destination(run.Name, file), replace, l.config.Progress)
					if err != nil {
						return err
					}
					results = append(results, r)
				}
			}
			return nil
		})
	}
	switch {
	case out == "":
		err = work(func(string, string) string { return "" }, inPlace)
	case isFile(path):
		err = work(func(_, file string) string { return intoDir(out, file) }, false)
	default:
		var dir *newDirectory
		if dir, err = newDir(out); err != nil {
			return err
		}
		defer dir.discard()
		err = work(func(run, file string) string {
			return filepath.Join(dir.path, filepath.FromSlash(run), filepath.Base(file))
		}, false)
		if err == nil {
			err = dir.keep()
		}
		for i := range results {
			if rel, err := filepath.Rel(dir.path, results[i].Output); err == nil {
				results[i].Output = filepath.Join(out, rel)
			}
		}
	}
	if err != nil {
		return err
	}
	status := a.tell(l.unlisted)
	if dryRun && slices.ContainsFunc(results, func(r repairedJSON) bool { return len(r.Faults) > 0 }) {
		status = max(status, statusFound)
	}
	return cmp.Or(a.tellRepaired(results), status.ended())
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir()
}

// intoDir is where a file goes that is copied to path, which may be a directory.
func intoDir(path, file string) string {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return filepath.Join(path, filepath.Base(file))
	}
	return path
}

// repairFile makes out from in; without out it only looks, and replaces the file
// if that is wanted and it is damaged.
func (a *app) repairFile(ctx context.Context, in, out string, replace bool, progress func(int)) (repairedJSON, error) {
	part := out
	if out != "" {
		if _, err := os.Lstat(out); err == nil {
			return repairedJSON{}, fmt.Errorf("%s: %w", out, fs.ErrExist)
		}
	}
	r, err := rewrite.Repair(ctx, in, part, progress)
	if err == nil && replace && len(r.Faults) > 0 {
		err = a.replace(ctx, in)
	}
	if err != nil {
		if out != "" {
			err = errors.Join(err, os.Remove(out))
		}
		return repairedJSON{}, err
	}
	j := repairedJSON{File: in, Output: out, Records: int(r.Records), Skipped: r.Skipped, Version: r.Version, Faults: []faultJSON{}}
	for _, f := range r.Faults {
		j.Faults = append(j.Faults, faultJSON{f.Offset, f.Skipped, faultText(f)})
	}
	return j, nil
}

// replace repairs a file in its place: the new one is on disk before the old one
// is gone.
func (a *app) replace(ctx context.Context, path string) error {
	path, err := filepath.EvalSymlinks(path) // Not the link.
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	part, err := unused(filepath.Dir(path), func(part string) error {
		_, err := rewrite.Repair(ctx, path, part, nil)
		return err
	})
	if err == nil {
		err = os.Chmod(part, info.Mode().Perm())
	}
	if err == nil {
		err = syncFile(part)
	}
	if err == nil {
		err = os.Rename(part, path)
	}
	if err != nil {
		_ = os.Remove(part) // May not be there.
	}
	return err
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func (a *app) tellRepaired(results []repairedJSON) error {
	if a.json {
		return writeJSON(a.Out, results)
	}
	damaged, records := 0, 0
	var skipped int64
	for _, r := range results {
		records += r.Records
		skipped += r.Skipped
		if len(r.Faults) > 0 {
			damaged++
		}
	}
	t := newTable("FILE", ">OFFSET", ">SKIPPED", "FAULT")
	for _, r := range results {
		for _, f := range r.Faults {
			skipped := ""
			if f.Skipped > 0 {
				skipped = grouped(f.Skipped)
			}
			t.add(r.File, grouped(f.Offset), skipped, f.Error)
		}
	}
	if damaged > 0 {
		if err := t.write(a.Out); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(a.Out, "%d of %s damaged, %s intact, %s left out\n",
		damaged, count(len(results), "file"), count(records, "record"), count(int(skipped), "byte"))
	return err
}
