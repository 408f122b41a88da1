package summary_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/summary"
)

func TestABadConfigReportsAllOfIt(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		name   string
		config summary.FileWriterConfig
		want   []string
	}{
		{"FlushSecs", summary.FileWriterConfig{FlushSecs: -time.Second}, []string{"FlushSecs is -1s, want a positive duration, 0 (10s) or Off"}},
		{"FlushEvents", summary.FileWriterConfig{FlushEvents: -1}, []string{"FlushEvents is -1, want a positive number or 0 (any number)"}},
		{"FlushBytes", summary.FileWriterConfig{FlushBytes: -1}, []string{"FlushBytes is -1, want a positive number or 0 (half of MaxQueueBytes)"}},
		{"FlushBytes that never come", summary.FileWriterConfig{FlushBytes: 101, MaxQueueBytes: 100}, []string{"FlushBytes is 101, want no more than MaxQueueBytes, which is 100"}},
		{"FlushBytes beyond the default", summary.FileWriterConfig{FlushBytes: 1<<20 + 1}, []string{"FlushBytes is 1048577, want no more than MaxQueueBytes, which is 1048576"}},
		{"Sync", summary.FileWriterConfig{Sync: 3}, []string{"Sync is 3, want SyncNever, SyncOnFlush or SyncPeriodic"}},
		{"SyncSecs", summary.FileWriterConfig{Sync: summary.SyncPeriodic, SyncSecs: -1}, []string{"SyncSecs is -1ns, want a positive duration or 0 (30s)"}},
		{"SyncSecs of another policy", summary.FileWriterConfig{SyncSecs: time.Second}, []string{"SyncSecs is 1s, want Sync to be SyncPeriodic with it"}},
		{"MaxQueueBytes", summary.FileWriterConfig{MaxQueueBytes: -1}, []string{"MaxQueueBytes is -1, want a positive number or 0 (1 MiB)"}},
		{"WhenFull", summary.FileWriterConfig{WhenFull: -1}, []string{"WhenFull is -1, want QueueBlock, QueueDrop or QueueFail"}},
		{"WhenBroken", summary.FileWriterConfig{WhenBroken: 2}, []string{"WhenBroken is 2, want ErrorStick or ErrorHeal"}},
		{"Rotate", summary.FileWriterConfig{Rotate: summary.Rotate{Bytes: -1, Events: -2, Every: -3}}, []string{
			"Rotate.Bytes is -1, want a positive number or 0 (never)",
			"Rotate.Events is -2, want a positive number or 0 (never)",
			"Rotate.Every is -3ns, want a positive duration or 0 (never)",
		}},
		{"FilenameSuffix", summary.FileWriterConfig{FilenameSuffix: "../x"}, []string{`FilenameSuffix is "../x", want no path separator in it`}},
		{"FilenameSuffix of Windows", summary.FileWriterConfig{FilenameSuffix: `\x`}, []string{`FilenameSuffix is "\\x", want no path separator in it`}},
		{
			"several", summary.FileWriterConfig{FlushSecs: -2, MaxQueueBytes: math.MinInt32, Sync: -1, FilenameSuffix: "/"},
			[]string{
				"FlushSecs is -2ns, want a positive duration, 0 (10s) or Off",
				"MaxQueueBytes is -2147483648, want a positive number or 0 (1 MiB)",
				"Sync is -1, want SyncNever, SyncOnFlush or SyncPeriodic",
				`FilenameSuffix is "/", want no path separator in it`,
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, err := summary.NewFileWriter(dir, c.config)
			require.EqualError(t, err, "summary: FileWriterConfig: "+strings.Join(c.want, "\nsummary: FileWriterConfig: "))
			require.Nil(t, w)
		})
	}
	require.Empty(t, eventFiles(t, dir))
}
