package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"
	"unicode/utf8"
)

var header = []string{"row", "work", "n", "median", "p99", "floor", "ratio", "requests"}

// andThen begins the work of a line that goes on from the one above it.
const andThen = "\u00a0\u00a0… "

// cells of a line, in the order of the header.
func (l line) cells() []string {
	middle := median(l.Samples)
	floor, ratio := "–", "–"
	if len(l.Floor) > 0 {
		lowest := median(l.Floor)
		floor = format(lowest) + " " + l.Unit
		ratio = fmt.Sprintf("%.1f", middle/lowest)
	}
	high := "–"
	if len(l.Samples) > 1 {
		high = worst(l.Samples)
	}
	return []string{strconv.Itoa(l.Row), l.Work, strconv.Itoa(len(l.Samples)), format(middle) + " " + l.Unit, high, floor, ratio, l.Requests}
}

func writeText(out io.Writer, m machine, lines []line) error {
	if _, err := fmt.Fprintf(out, "%s\n\n", m); err != nil {
		return err
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	if _, err := fmt.Fprintln(table, strings.ToUpper(strings.Join(header, "\t"))); err != nil {
		return err
	}
	for _, l := range lines {
		if _, err := fmt.Fprintln(table, strings.Join(l.cells(), "\t")); err != nil {
			return err
		}
	}
	return table.Flush()
}

func writeMarkdown(out io.Writer, m machine, lines []line) error {
	var text strings.Builder
	fmt.Fprintf(&text, "%s.\n\n| %s |\n|%s\n", capitalise(m.String()), strings.Join(header, " | "), strings.Repeat("---|", len(header)))
	for _, l := range lines {
		fmt.Fprintf(&text, "| %s |\n", strings.Join(l.cells(), " | "))
	}
	_, err := io.WriteString(out, text.String())
	return err
}

func capitalise(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:]
}
