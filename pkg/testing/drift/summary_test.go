package drift

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// outcome of an edit.
type outcome string

const (
	// found by the event alone, by the dry run that follows a moved generation, or only by the slow pass. Undecided: that depends on a dry run.
	found        outcome = "found at once"
	foundByProbe outcome = "found by a dry run"
	foundSlowly  outcome = "left to the slow pass"
	foundAsExtra outcome = "reported as extra"
	// foundKept: ownership was lost, although the API server kept the value.
	foundKept      outcome = "found, value kept"
	changedNothing outcome = "changed nothing"
	notTaken       outcome = "refused"
	undecided      outcome = "undecided"
	missed         outcome = "MISSED"
	falseAlarm     outcome = "FALSE ALARM"
)

func outcomes() []outcome {
	return []outcome{found, foundByProbe, foundSlowly, foundAsExtra, foundKept, changedNothing, notTaken, missed, falseAlarm}
}

func (o outcome) effective() bool {
	return o == found || o == foundByProbe || o == foundSlowly || o == foundAsExtra || o == foundKept || o == undecided
}

// tally counts what became of edits.
type tally struct {
	mu    sync.Mutex
	cells map[cell]int
}

type cell struct {
	shape
	list listType
	op
	method
	outcome
}

func (s *tally) add(e *edit, how method, what outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cells == nil {
		s.cells = make(map[cell]int)
	}
	s.cells[cell{e.shape, e.list, e.op, how, what}]++
}

func (s *tally) sum(match func(cell) bool) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	sum := 0
	for c, count := range s.cells {
		if match(c) {
			sum += count
		}
	}
	return sum
}

func effective(c cell) bool { return c.effective() }

// log says what was counted: the outcomes, and the effective edits by list type and method, and by what was edited and how.
func (s *tally) log(t *testing.T, what string) {
	t.Helper()
	var line []string
	for _, o := range outcomes() {
		if count := s.sum(func(c cell) bool { return c.outcome == o }); count > 0 {
			line = append(line, fmt.Sprintf("%d %s", count, o))
		}
	}
	t.Logf("%s: %d edits took effect (%s)\n%s\n%s", what, s.sum(effective), strings.Join(line, ", "),
		table(listTypes(), append(methods(), throughSub), func(l listType, m method) int {
			return s.sum(func(c cell) bool { return c.effective() && c.list == l && c.method == m })
		}),
		table([]shape{aLabel, anAnnotation, aString, aNumber, aBoolean, aList, aMap, anElement, anItem, items}, ops(), func(h shape, o op) int {
			return s.sum(func(c cell) bool { return c.effective() && c.shape == h && c.op == o })
		}))
}

// complete fails the test where no edit of a list type was made by some method.
func (s *tally) complete(t *testing.T) {
	t.Helper()
	for _, list := range listTypes() {
		for _, how := range methods() {
			if s.sum(func(c cell) bool { return c.effective() && c.list == list && c.method == how }) == 0 {
				t.Errorf("no field in a list of type %q was edited by %s", list, how)
			}
		}
	}
}

func table[Row, Column ~string](rows []Row, columns []Column, count func(Row, Column) int) string {
	var out strings.Builder
	fmt.Fprintf(&out, "%24s", "")
	for _, column := range columns {
		fmt.Fprintf(&out, "%14s", column)
	}
	for _, row := range rows {
		fmt.Fprintf(&out, "\n%24s", row)
		for _, column := range columns {
			fmt.Fprintf(&out, "%14d", count(row, column))
		}
	}
	return out.String()
}

// complaints collects what is wrong, from several goroutines.
type complaints struct {
	mu   sync.Mutex
	list []string
}

func (c *complaints) add(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list = append(c.list, fmt.Sprintf(format, args...))
}

// maxTold is how many complaints a test shows.
const maxTold = 40

func (c *complaints) tell(t *testing.T) {
	t.Helper()
	slices.Sort(c.list)
	for _, text := range c.list[:min(len(c.list), maxTold)] {
		t.Error(text)
	}
	if more := len(c.list) - maxTold; more > 0 {
		t.Errorf("and %d more", more)
	}
}

// slowest remembers what took longest.
type slowest struct {
	mu   sync.Mutex
	took time.Duration
	what string
}

func (s *slowest) add(took time.Duration, what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if took > s.took {
		s.took, s.what = took, what
	}
}

func (s *slowest) get() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Sprintf("%s (%s)", s.took.Round(time.Millisecond), s.what)
}
