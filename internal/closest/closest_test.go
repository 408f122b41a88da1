package closest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/closest"
)

func TestTo(t *testing.T) {
	known := []string{"loss", "accuracy", "learning_rate", "hidden/weights", "output/weights", "train", "global_step"}
	for _, c := range []struct {
		name string
		want []string
	}{
		{"los", []string{"loss"}},
		{"lsos", []string{"loss"}},
		{"Loss", []string{"loss"}},
		{"acuracy", []string{"accuracy"}},
		{"weights", []string{"hidden/weights", "output/weights"}},
		{"model/loss", []string{"loss"}},
		{"trian", []string{"train"}},
		{"x", nil},
		{"", nil},
		{"something else", nil},
	} {
		require.Equal(t, c.want, closest.To(c.name, known), "%q", c.name)
	}
}

func TestToGivesTheThreeClosest(t *testing.T) {
	require.Equal(t, []string{"w10", "w1", "w11"}, closest.To("w10", []string{"w12", "w11", "w1", "w10", "b"}))
}
