package faults

import (
	"fmt"
	"slices"
	"strings"
)

// hits counts the steps at which a victim was really killed.
type hits struct {
	first, second map[string]map[victim]int
}

func (h *hits) add(step string, v victim)       { count(&h.first, step, v) }
func (h *hits) addSecond(step string, v victim) { count(&h.second, step, v) }

func count(counts *map[string]map[victim]int, step string, v victim) {
	if *counts == nil {
		*counts = map[string]map[victim]int{}
	}
	if (*counts)[step] == nil {
		(*counts)[step] = map[victim]int{}
	}
	(*counts)[step][v]++
}

// missed are the steps that were never hit.
func (h *hits) missed() []string {
	var missed []string
	for _, step := range steps {
		if len(h.first[step.name]) == 0 {
			missed = append(missed, step.name)
		}
	}
	return missed
}

// table of steps and victims.
func (h *hits) table() string {
	var text strings.Builder
	row := func(name string, cell func(victim) any) {
		fmt.Fprintf(&text, "%-30s", name)
		for _, v := range victims {
			fmt.Fprintf(&text, "%18v", cell(v))
		}
		text.WriteString("\n")
	}
	row("killed at", func(v victim) any { return v })
	for _, step := range steps {
		row(step.name, func(v victim) any { return h.first[step.name][v] })
	}
	row("a second time, at", func(victim) any { return "" })
	names := []string{}
	for _, step := range secondSteps {
		if !slices.Contains(names, step.name) {
			names = append(names, step.name)
			row(step.name, func(v victim) any { return h.second[step.name][v] })
		}
	}
	return text.String()
}
