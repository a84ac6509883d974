package apply

import (
	"cmp"
	"slices"
)

// wave holds the steps that are taken together, but for the stages that part them.
type wave struct {
	number int
	steps  []*Step
}

// waves are the steps on desired objects that need something done, the lowest wave first.
func (p *Plan) waves() []wave {
	steps := slices.DeleteFunc(p.Of(Create, Configure, Adopt, Verify, Refuse, Blocked, Paused), func(s *Step) bool { return s.Desired == nil })
	slices.SortStableFunc(steps, func(a, b *Step) int { return cmp.Compare(a.Desired.Wave, b.Desired.Wave) })
	var waves []wave
	for _, step := range steps {
		if last := len(waves) - 1; last < 0 || waves[last].number != step.Desired.Wave {
			waves = append(waves, wave{number: step.Desired.Wave})
		}
		last := &waves[len(waves)-1]
		last.steps = append(last.steps, step)
	}
	return waves
}

// stage returns the steps of one stage.
func (w *wave) stage(stage Stage) []*Step {
	return slices.DeleteFunc(slices.Clone(w.steps), func(s *Step) bool { return StageOf(s.ID) != stage })
}
