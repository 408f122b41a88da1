package summary

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/runhook/runhook/summary/eventpb"
)

// The tags that TensorBoard's plugin for hyperparameters knows.
const (
	experimentTag   = "_hparams_/experiment"
	sessionStartTag = "_hparams_/session_start_info"
	sessionEndTag   = "_hparams_/session_end_info"
)

// HParams are the hyperparameters of a run by name: strings, bools and finite
// numbers of Go's integer and floating-point types.
type HParams map[string]any

// An HParamsExperiment says which hyperparameters and metrics TensorBoard shows,
// for all runs of a log directory. It belongs into one run, the directory's own
// for example: of several, one is used for all. Without any, TensorBoard shows
// all that it finds, which is better when they are not known beforehand.
type HParamsExperiment struct {
	Name, Description, User string // Description is Markdown
	// Created is when; the zero time leaves it out.
	Created time.Time
	HParams []HParamInfo
	Metrics []HParamMetric
}

// An HParamInfo describes a hyperparameter.
type HParamInfo struct {
	Name string
	// DisplayName is shown instead of Name, Description in Markdown.
	DisplayName, Description string
	// Type is that of its values. Default: that of Values, a number if there are Min
	// or Max.
	Type HParamType
	// Values are the values that it can have, all of one type; or it is a number from
	// Min to Max; or with neither it can be anything.
	Values   []any
	Min, Max float64
}

// An HParamMetric is a metric of runs: the last scalar of a tag.
type HParamMetric struct {
	Tag string
	// Group is the run below that with the hyperparameters, "validation" for
	// example; "" is that run itself.
	Group string
	// DisplayName is shown instead of Tag, Description in Markdown.
	DisplayName, Description string
	// Dataset is what it is measured on.
	Dataset HParamDataset
}

// HParamType is the type of a hyperparameter.
type HParamType int

// What hyperparameters may be.
const (
	TypeUnknown HParamType = iota
	TypeString
	TypeBool
	TypeNumber
)

// HParamDataset is what a metric is measured on.
type HParamDataset int

// What a metric may be measured on.
const (
	DatasetUnknown HParamDataset = iota
	DatasetTraining
	DatasetValidation
)

// HParamsStart begins a run with hyperparameters.
type HParamsStart struct {
	HParams HParams
	// GroupName is shared by runs that are repetitions of each other. Default: a hash
	// of HParams, as TensorFlow has it.
	GroupName string
	// ModelURI and MonitorURL are links.
	ModelURI, MonitorURL string
	// Started is when; the zero time leaves it out.
	Started time.Time
}

// HParamsStatus is what became of a run with hyperparameters.
type HParamsStatus int

// What may have become of a run.
const (
	StatusUnknown HParamsStatus = iota
	StatusSuccess
	StatusFailure
	StatusRunning
)

// HParamsExperimentValue returns the description of an experiment, under the tag
// _hparams_/experiment.
func HParamsExperimentValue(e HParamsExperiment) (Value, error) {
	message := &eventpb.Experiment{Name: e.Name, Description: e.Description, User: e.User, TimeCreatedSecs: secondsOrZero(e.Created)}
	for _, h := range e.HParams {
		info, err := h.message()
		if err != nil {
			return Value{}, fmt.Errorf("summary: hparam %q: %w", h.Name, err)
		}
		message.HparamInfos = append(message.HparamInfos, info)
	}
	for i, m := range e.Metrics {
		if m.Tag == "" {
			return Value{}, fmt.Errorf("summary: metric %d of the hparams has no tag", i)
		}
		if m.Dataset < DatasetUnknown || m.Dataset > DatasetValidation {
			return Value{}, fmt.Errorf("summary: metric %q of the hparams: data set %d, want 0 to 2", m.Tag, m.Dataset)
		}
		message.MetricInfos = append(message.MetricInfos, &eventpb.MetricInfo{
			Name: &eventpb.MetricName{Group: m.Group, Tag: m.Tag}, DisplayName: m.DisplayName, Description: m.Description,
			DatasetType: eventpb.MetricInfo_DatasetType(m.Dataset),
		})
	}
	return hparamsValue(experimentTag, &eventpb.HParamsPluginData{Data: &eventpb.HParamsPluginData_Experiment{Experiment: message}})
}

func (h *HParamInfo) message() (*eventpb.HParamInfo, error) {
	if h.Name == "" {
		return nil, errors.New("it has no name")
	}
	if h.Type < TypeUnknown || h.Type > TypeNumber {
		return nil, fmt.Errorf("its type is %d, want 0 to 3", h.Type)
	}
	info := &eventpb.HParamInfo{Name: h.Name, DisplayName: h.DisplayName, Description: h.Description, Type: eventpb.HParamInfo_DataType(h.Type)}
	interval := h.Min != 0 || h.Max != 0
	var found eventpb.HParamInfo_DataType // by the domain
	switch {
	case interval && len(h.Values) > 0:
		return nil, fmt.Errorf("it has Values and an interval from %v to %v, want at most one", h.Min, h.Max)
	case interval && (!(h.Min <= h.Max) || math.IsInf(h.Min, 0) || math.IsInf(h.Max, 0)):
		return nil, fmt.Errorf("its interval is from %v to %v, want finite ends in order", h.Min, h.Max)
	case interval:
		found = eventpb.HParamInfo_DATA_TYPE_FLOAT64
		info.Domain = &eventpb.HParamInfo_DomainInterval{DomainInterval: &eventpb.Interval{MinValue: h.Min, MaxValue: h.Max}}
	case len(h.Values) > 0:
		list := new(structpb.ListValue)
		for i, x := range h.Values {
			v, err := hparamOf(x)
			if err != nil {
				return nil, fmt.Errorf("value %d: %w", i, err)
			}
			list.Values = append(list.Values, v)
			dataType := typeOfHParam(v)
			if i > 0 && dataType != found {
				return nil, fmt.Errorf("values %v and %v are of different types", h.Values[0], x)
			}
			found = dataType
		}
		info.Domain = &eventpb.HParamInfo_DomainDiscrete{DomainDiscrete: list}
	default:
		return info, nil
	}
	if h.Type != TypeUnknown && info.Type != found {
		return nil, fmt.Errorf("its type is %v, and its domain has %v", info.Type, found)
	}
	info.Type = found
	return info, nil
}

func typeOfHParam(v *structpb.Value) eventpb.HParamInfo_DataType {
	switch v.GetKind().(type) {
	case *structpb.Value_BoolValue:
		return eventpb.HParamInfo_DATA_TYPE_BOOL
	case *structpb.Value_StringValue:
		return eventpb.HParamInfo_DATA_TYPE_STRING
	}
	return eventpb.HParamInfo_DATA_TYPE_FLOAT64
}

// hparamOf returns a hyperparameter as TensorBoard has it.
func hparamOf(x any) (*structpb.Value, error) {
	number := func(f float64) (*structpb.Value, error) {
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, fmt.Errorf("it is %v, want a finite number", f)
		}
		return structpb.NewNumberValue(f), nil
	}
	switch x := x.(type) {
	case bool:
		return structpb.NewBoolValue(x), nil
	case string:
		if !utf8.ValidString(x) {
			return nil, fmt.Errorf("%q is no valid UTF-8", x)
		}
		return structpb.NewStringValue(x), nil
	case int:
		return number(float64(x))
	case int8:
		return number(float64(x))
	case int16:
		return number(float64(x))
	case int32:
		return number(float64(x))
	case int64:
		return number(float64(x))
	case uint:
		return number(float64(x))
	case uint8:
		return number(float64(x))
	case uint16:
		return number(float64(x))
	case uint32:
		return number(float64(x))
	case uint64:
		return number(float64(x))
	case float32:
		return number(float64(x))
	case float64:
		return number(x)
	}
	return nil, fmt.Errorf("it is a %T, want a string, a bool or a number", x)
}

// HParamsStartValue returns the beginning of a run with hyperparameters, under the
// tag _hparams_/session_start_info.
func HParamsStartValue(s HParamsStart) (Value, error) {
	message := &eventpb.SessionStartInfo{
		Hparams: make(map[string]*structpb.Value, len(s.HParams)), ModelUri: s.ModelURI, MonitorUrl: s.MonitorURL,
		GroupName: s.GroupName, StartTimeSecs: secondsOrZero(s.Started),
	}
	for _, name := range slices.Sorted(maps.Keys(s.HParams)) {
		if name == "" || !utf8.ValidString(name) {
			return Value{}, fmt.Errorf("summary: hparam name %q is empty or no valid UTF-8", name)
		}
		v, err := hparamOf(s.HParams[name])
		if err != nil {
			return Value{}, fmt.Errorf("summary: hparam %q: %w", name, err)
		}
		message.Hparams[name] = v
	}
	if message.GroupName == "" {
		message.GroupName = groupName(s.HParams)
	}
	return hparamsValue(sessionStartTag, &eventpb.HParamsPluginData{Data: &eventpb.HParamsPluginData_SessionStartInfo{SessionStartInfo: message}})
}

// HParamsEndValue returns the end of a run with hyperparameters, or that it goes
// on, under the tag _hparams_/session_end_info.
func HParamsEndValue(status HParamsStatus, ended time.Time) (Value, error) {
	if status < StatusUnknown || status > StatusRunning {
		return Value{}, fmt.Errorf("summary: hparams: status %d, want 0 to 3", status)
	}
	message := &eventpb.SessionEndInfo{Status: eventpb.Status(status), EndTimeSecs: secondsOrZero(ended)}
	return hparamsValue(sessionEndTag, &eventpb.HParamsPluginData{Data: &eventpb.HParamsPluginData_SessionEndInfo{SessionEndInfo: message}})
}

// hparamsValue has all of its data in the metadata; the tensor is empty.
func hparamsValue(tag string, data *eventpb.HParamsPluginData) (Value, error) {
	content, err := proto.MarshalOptions{Deterministic: true}.Marshal(data)
	if err != nil {
		return Value{}, fmt.Errorf("summary: hparams: %w", err)
	}
	return Value{tag: tag, metadata: encodeMetadata("hparams", content, classTensor), body: contentField(typeFloat, nil, 0)}, nil
}

func secondsOrZero(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return wallTime(t)
}

// HParamsExperiment writes the description of an experiment.
func (w *Writer) HParamsExperiment(e HParamsExperiment) error {
	v, err := HParamsExperimentValue(e)
	return w.addUnscoped(v, err)
}

// HParamsStart writes the hyperparameters of this run, into the run itself.
// Without Started it has begun now.
func (w *Writer) HParamsStart(s HParamsStart) error {
	if s.Started.IsZero() {
		s.Started = w.now()
	}
	v, err := HParamsStartValue(s)
	return w.addUnscoped(v, err)
}

// HParamsEnd writes what became of this run, now.
func (w *Writer) HParamsEnd(status HParamsStatus) error {
	v, err := HParamsEndValue(status, w.now())
	return w.addUnscoped(v, err)
}

// addUnscoped writes a value with a fixed tag, at step 0.
func (w *Writer) addUnscoped(v Value, err error) error {
	if err != nil {
		return err
	}
	return w.sink.AddValues(w.now(), 0, []Value{v})
}

// groupName is a hash of hyperparameters: of their JSON as Python's json.dumps
// writes it, with sorted keys and without spaces.
func groupName(h HParams) string {
	var b strings.Builder
	b.WriteByte('{')
	for i, name := range slices.Sorted(maps.Keys(h)) {
		if i > 0 {
			b.WriteByte(',')
		}
		writePythonString(&b, name)
		b.WriteByte(':')
		switch x := h[name].(type) {
		case string:
			writePythonString(&b, x)
		case float32:
			b.WriteString(pythonFloat(float64(x)))
		case float64:
			b.WriteString(pythonFloat(x))
		default: // bools and integers
			fmt.Fprint(&b, x)
		}
	}
	b.WriteByte('}')
	sum := sha256.Sum256([]byte(b.String()))
	return hex.EncodeToString(sum[:])
}

// writePythonString writes a JSON string in ASCII.
func writePythonString(b *strings.Builder, s string) {
	short := map[rune]string{'"': `\"`, '\\': `\\`, '\n': `\n`, '\r': `\r`, '\t': `\t`, '\b': `\b`, '\f': `\f`}
	b.WriteByte('"')
	for _, r := range s {
		switch escaped, ok := short[r]; {
		case ok:
			b.WriteString(escaped)
		case r >= 0x20 && r < 0x7f:
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(b, `\u%04x`, r)
		}
	}
	b.WriteByte('"')
}

// pythonFloat is Python's repr: the shortest digits, with an exponent below 1e-4
// and from 1e16 on.
func pythonFloat(x float64) string {
	if abs := math.Abs(x); abs != 0 && (abs < 1e-4 || abs >= 1e16) {
		return strconv.FormatFloat(x, 'e', -1, 64)
	}
	s := strconv.FormatFloat(x, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}
