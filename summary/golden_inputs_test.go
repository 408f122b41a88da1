package summary_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/goldentest"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary/eventpb"
)

// A goldenInput is how a real writer made its files.
type goldenInput struct {
	Writer, Kind string
	Calls        []goldenCall
	Failed       []struct{ Call int }
	Ctor         struct {
		PurgeStep int64 `json:"purge_step"`
	}
}

// A goldenCall is a call of a writer's function with its arguments, some by its
// side and some in a map.
type goldenCall map[string]json.RawMessage

// arg returns an argument.
func (c goldenCall) arg(name string) json.RawMessage {
	if x, ok := c[name]; ok {
		return x
	}
	var args goldenCall
	if c["args"] != nil && json.Unmarshal(c["args"], &args) == nil {
		return args[name]
	}
	return nil
}

func (c goldenCall) has(name string) bool {
	x := c.arg(name)
	return x != nil && string(x) != "null"
}

func decodeInto[T any](raw json.RawMessage) (x T) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if raw != nil {
		if err := d.Decode(&x); err != nil {
			panic(fmt.Sprintf("%s: %v", raw, err))
		}
	}
	return x
}

func (c goldenCall) str(name string) string { return decodeInto[string](c.arg(name)) }
func (c goldenCall) int(name string) int64 {
	if !c.has(name) {
		return 0
	}
	i, err := decodeInto[json.Number](c.arg(name)).Int64()
	if err != nil {
		panic(err)
	}
	return i
}

// float is a number, {"float": x} or NaN and infinities as text.
func (c goldenCall) float(name string) float64 { return floatOf(decodeInto[any](c.arg(name))) }

func floatOf(x any) float64 {
	switch x := x.(type) {
	case json.Number:
		f, err := x.Float64()
		if err != nil && !math.IsInf(f, 0) {
			panic(err)
		}
		return f
	case string:
		return map[string]float64{"NaN": math.NaN(), "Infinity": math.Inf(1), "-Infinity": math.Inf(-1)}[x]
	case bool:
		return map[bool]float64{true: 1}[x]
	case map[string]any:
		if f, ok := x["float"]; ok {
			return floatOf(f)
		}
		return floatOf(x["data"].([]any)[0])
	}
	return 0
}

func (c goldenCall) bytes(name string) []byte {
	return decodeInto[struct{ Base64 []byte }](c.arg(name)).Base64
}

// A goldenArray is an array of one of the writers.
type goldenArray struct {
	DType  string
	Shape  []int
	Data   []any
	Repeat string
	Times  int
	Torch  *goldenArray
}

func (c goldenCall) array(name string) goldenArray { return arrayOf(c.arg(name)) }

func arrayOf(raw json.RawMessage) goldenArray {
	if bytes.HasPrefix(raw, []byte(`"`)) {
		return goldenArray{DType: "string", Data: []any{decodeInto[string](raw)}}
	}
	if bytes.HasPrefix(raw, []byte(`[`)) {
		return goldenArray{DType: "none", Data: decodeInto[[]any](raw)}
	}
	a := decodeInto[goldenArray](raw)
	if a.Torch != nil {
		a = *a.Torch
	}
	if a.Times > 0 {
		a = goldenArray{DType: "string", Data: []any{strings.Repeat(a.Repeat, a.Times)}}
	}
	return a
}

func numbers[T float32 | float64 | int32 | int64 | uint8](a goldenArray) []T {
	data := make([]T, len(a.Data))
	for i, x := range a.Data {
		if n, ok := x.(json.Number); ok {
			if exact, err := n.Int64(); err == nil && n.String() != "-0" {
				data[i] = T(exact)
				continue
			}
		}
		data[i] = T(floatOf(x))
	}
	return data
}

func bools(a goldenArray) []bool {
	data := make([]bool, len(a.Data))
	for i, x := range a.Data {
		data[i] = floatOf(x) == 1
	}
	return data
}

func texts(a goldenArray) []string {
	data := make([]string, len(a.Data))
	for i, x := range a.Data {
		switch x := x.(type) {
		case string:
			data[i] = x
		case map[string]any:
			data[i] = x["base64"].(string)
		}
	}
	return data
}

func triples[T float32 | int32 | uint8](a goldenArray) [][3]T {
	if a.DType == "" {
		return nil
	}
	flat := numbers[T](a)
	rows := make([][3]T, len(flat)/3)
	for i := range rows {
		rows[i] = [3]T(flat[3*i:])
	}
	return rows
}

// tensor is the array in the type that it has, or of those of 16 bits, in float32.
func (a goldenArray) tensor() session.Tensor {
	t := session.Tensor{Shape: a.Shape}
	switch a.DType {
	case "float32", "float16", "bfloat16":
		t.Data = numbers[float32](a)
	case "float64":
		t.Data = numbers[float64](a)
	case "int32":
		t.Data = numbers[int32](a)
	case "int64":
		t.Data = numbers[int64](a)
	case "uint8":
		t.Data = numbers[uint8](a)
	case "bool":
		t.Data = bools(a)
	case "string":
		t.Data = texts(a)
	}
	return t
}

// widened is the array in a type that ours can hold.
func (a goldenArray) widened() goldenArray {
	switch a.DType {
	case "int8", "int16", "uint16":
		a.DType = "int32"
	}
	return a
}

// value is the array as something fetched.
func (a goldenArray) value() session.Value {
	switch {
	case a.DType == "uint64" || a.DType == "uint32":
		return session.Float64(floatOf(a.Data[0]))
	case len(a.Shape) == 0 && a.DType == "string":
		return session.String(texts(a)[0])
	}
	return session.TensorValue(a.tensor())
}

// goldens are files of real writers, and how those made them.
type goldens struct {
	inputs map[string]goldenInput
	fsys   fs.FS // the files by name, with .tfevents at its end
}

// allGoldens are those of the testdata, and the further ones that package
// goldentest finds: inputs.json, and files in a folder beside it.
func allGoldens(t *testing.T) (all []goldens) {
	t.Helper()
	archive, err := zip.OpenReader(filepath.Join("eventlog", "testdata", "goldens.zip"))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, archive.Close()) })
	for i, inputs := range goldentest.Tables[map[string]goldenInput](t, "inputs.json") {
		g := goldens{inputs, archive}
		if i > 0 {
			g.fsys = os.DirFS(filepath.Join(goldentest.More(), "files"))
		}
		all = append(all, g)
	}
	return all
}

// read returns the events of a golden file; ok is false if there is none.
func (g goldens) read(t *testing.T, name string) (events []*eventpb.Event, ok bool) {
	t.Helper()
	content, err := fs.ReadFile(g.fsys, name+".tfevents")
	if err != nil {
		require.ErrorIs(t, err, fs.ErrNotExist)
		return nil, false
	}
	return decode(t, content), true
}

// names are those of the files of a golden.
func (g goldens) names(t *testing.T, golden string) (names []string) {
	t.Helper()
	all, err := fs.Glob(g.fsys, "*.tfevents")
	require.NoError(t, err)
	for _, file := range all {
		name := strings.TrimSuffix(file, ".tfevents")
		if name == golden || strings.HasPrefix(name, golden+"__") || strings.HasPrefix(name, golden+"~") {
			names = append(names, name)
		}
	}
	return names
}

// A goldenMessage is a value of a message in the inputs.
type goldenMessage struct {
	Tag                string
	SimpleValue        *float32 `json:"simple_value"`
	NodeName           string   `json:"node_name"`
	DisplayName        string   `json:"display_name"`
	SummaryDescription string   `json:"summary_description"`
}

func (c goldenCall) summary() *eventpb.Summary {
	s := new(eventpb.Summary)
	for _, v := range decodeInto[[]goldenMessage](c["values"]) {
		m := &eventpb.Summary_Value{Tag: v.Tag, NodeName: v.NodeName}
		if v.SimpleValue != nil {
			m.Value = &eventpb.Summary_Value_SimpleValue{SimpleValue: *v.SimpleValue}
		}
		if v.DisplayName != "" || v.SummaryDescription != "" {
			m.Metadata = &eventpb.SummaryMetadata{DisplayName: v.DisplayName, SummaryDescription: v.SummaryDescription}
		}
		s.Value = append(s.Value, m)
	}
	return s
}
