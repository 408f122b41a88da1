package tftrace

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/runhook/runhook/session"
)

// An optionsSpec is the options of a run as documents have them.
type optionsSpec struct {
	TraceLevel          int      `json:"trace_level,omitempty"`
	TimeoutMillis       int64    `json:"timeout_in_ms,omitempty"`
	InterOpThreadPool   int      `json:"inter_op_thread_pool,omitempty"`
	PartitionGraphs     bool     `json:"output_partition_graphs,omitempty"`
	ReportTensorsOnOOM  bool     `json:"report_tensor_allocations_upon_oom,omitempty"`
	ResetDebugDiskUsage bool     `json:"reset_disk_byte_usage,omitempty"`
	Watch               []string `json:"watch,omitempty"`
}

func (o *optionsSpec) clone() *optionsSpec {
	if o == nil {
		return nil
	}
	c := *o
	c.Watch = slices.Clone(o.Watch)
	return &c
}

// event is o as an event shows it.
func (o *optionsSpec) event() map[string]any {
	shown := make(map[string]any)
	encoded, err := json.Marshal(o)
	if err == nil {
		err = json.Unmarshal(encoded, &shown)
	}
	if err != nil {
		panic(err)
	}
	return shown
}

// runOptions is o for this library.
func (o *optionsSpec) runOptions() *session.RunOptions {
	if o == nil {
		return nil
	}
	return &session.RunOptions{
		TraceLevel:          session.TraceLevel(o.TraceLevel),
		Timeout:             time.Duration(o.TimeoutMillis) * time.Millisecond,
		InterOpThreadPool:   o.InterOpThreadPool,
		PartitionGraphs:     o.PartitionGraphs,
		ReportTensorsOnOOM:  o.ReportTensorsOnOOM,
		DebugTensorWatches:  slices.Clone(o.Watch),
		ResetDebugDiskUsage: o.ResetDebugDiskUsage,
	}
}

// specOf is what runOptions was made of.
func specOf(o *session.RunOptions) *optionsSpec {
	if o == nil {
		return nil
	}
	return &optionsSpec{
		TraceLevel:          int(o.TraceLevel),
		TimeoutMillis:       o.Timeout.Milliseconds(),
		InterOpThreadPool:   o.InterOpThreadPool,
		PartitionGraphs:     o.PartitionGraphs,
		ReportTensorsOnOOM:  o.ReportTensorsOnOOM,
		ResetDebugDiskUsage: o.ResetDebugDiskUsage,
		Watch:               slices.Clone(o.DebugTensorWatches),
	}
}
