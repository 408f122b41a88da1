package summary

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	"github.com/runhook/runhook/summary/eventpb"
)

// layoutTag is the only tag at which TensorBoard looks for a layout.
const layoutTag = "custom_scalars__config__"

// A Layout says which charts the page "custom scalars" has. Layouts of several
// runs are shown together.
type Layout struct {
	Categories []LayoutCategory
}

// A LayoutCategory is a group of charts.
type LayoutCategory struct {
	Title  string
	Charts []LayoutChart
	// Closed says that the group is closed at first.
	Closed bool
}

// A LayoutChart is one chart: of lines or of bands, not both.
type LayoutChart struct {
	Title string
	// Tags are regular expressions, each matched from the beginning of a tag: all
	// scalars that match are lines of the chart.
	Tags []string
	// Bands are scalars with others for the ends of a band around them.
	Bands []LayoutBand
}

// A LayoutBand names the tags of a scalar and of the ends of a band around it.
type LayoutBand struct {
	Value, Lower, Upper string
}

// CustomScalarsValue returns a layout, under the tag custom_scalars__config__.
func CustomScalarsValue(layout Layout) (Value, error) {
	message, err := layout.message()
	if err != nil {
		return Value{}, fmt.Errorf("summary: layout: %w", err)
	}
	encoded, err := proto.Marshal(message)
	if err != nil {
		return Value{}, fmt.Errorf("summary: layout: %w", err)
	}
	return Value{
		tag: layoutTag, metadata: encodeMetadata("custom_scalars", nil, classTensor), body: stringField([][]byte{encoded}),
	}, nil
}

func (l Layout) message() (*eventpb.Layout, error) {
	if len(l.Categories) == 0 {
		return nil, errors.New("it has no categories")
	}
	message := new(eventpb.Layout)
	for _, category := range l.Categories {
		if !utf8.ValidString(category.Title) {
			return nil, fmt.Errorf("category %q: its title is no valid UTF-8", category.Title)
		}
		m := &eventpb.Category{Title: category.Title, Closed: category.Closed}
		for _, chart := range category.Charts {
			c, err := chart.message()
			if err != nil {
				return nil, fmt.Errorf("chart %q of category %q: %w", chart.Title, category.Title, err)
			}
			m.Chart = append(m.Chart, c)
		}
		message.Category = append(message.Category, m)
	}
	return message, nil
}

func (c LayoutChart) message() (*eventpb.Chart, error) {
	for _, text := range append([]string{c.Title}, c.Tags...) {
		if !utf8.ValidString(text) {
			return nil, fmt.Errorf("%q is no valid UTF-8", text)
		}
	}
	m := &eventpb.Chart{Title: c.Title}
	switch {
	case (len(c.Tags) == 0) == (len(c.Bands) == 0):
		return nil, fmt.Errorf("it has %d tags and %d bands, want either", len(c.Tags), len(c.Bands))
	case len(c.Tags) > 0:
		for i, tag := range c.Tags {
			if tag == "" {
				return nil, fmt.Errorf("tag %d is empty", i)
			}
		}
		m.Content = &eventpb.Chart_Multiline{Multiline: &eventpb.MultilineChartContent{Tag: c.Tags}}
	default:
		margin := new(eventpb.MarginChartContent)
		for i, b := range c.Bands {
			if !utf8.ValidString(b.Value + b.Lower + b.Upper) {
				return nil, fmt.Errorf("band %d is no valid UTF-8: %q", i, b)
			}
			if b.Value == "" || b.Lower == "" || b.Upper == "" {
				return nil, fmt.Errorf("band %d lacks a tag: %+v", i, b)
			}
			margin.Series = append(margin.Series, &eventpb.MarginChartContent_Series{Value: b.Value, Lower: b.Lower, Upper: b.Upper})
		}
		m.Content = &eventpb.Chart_Margin{Margin: margin}
	}
	return m, nil
}

// CustomScalars writes a layout. Of a run the last one counts.
func (w *Writer) CustomScalars(layout Layout, step int64) error {
	v, err := CustomScalarsValue(layout)
	return w.add(step, v, err)
}
