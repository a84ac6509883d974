// Package table prints objects as the rows that kubectl shows. What a kind's columns are stands with that kind.
package table

import (
	"context"
	"strings"
	"time"
	"unicode"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/duration"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/utils/clock"
)

// None stands in a cell that has no value, as kubectl's own printers have it.
const None = "<none>"

// Convertor prints objects of one type.
type Convertor[T runtime.Object] struct {
	// Resource names the kind in errors.
	Resource schema.GroupResource
	// Columns are the heads. Those of a priority above 0 are shown with -o wide.
	Columns []metav1.TableColumnDefinition
	// Cells are the values of one object, one for each column.
	Cells func(object T, now time.Time) []any
	// Clock tells ages.
	Clock clock.PassiveClock
}

var _ rest.TableConvertor = Convertor[runtime.Object]{}

// ConvertToTable prints an object or a list.
func (c Convertor[T]) ConvertToTable(ctx context.Context, object, tableOptions runtime.Object) (*metav1.Table, error) {
	var table metav1.Table
	add := func(item runtime.Object) error {
		typed, ok := item.(T)
		if !ok {
			// Anything else, such as the Status that a deletion answers, has no columns: the default says so.
			_, err := rest.NewDefaultTableConvertor(c.Resource).ConvertToTable(ctx, item, tableOptions)
			return err
		}
		table.Rows = append(table.Rows, metav1.TableRow{Cells: c.Cells(typed, c.Clock.Now()), Object: runtime.RawExtension{Object: item}})
		return nil
	}
	if err := each(object, add); err != nil {
		return nil, err
	}
	if list, err := meta.ListAccessor(object); err == nil {
		table.ResourceVersion = list.GetResourceVersion()
		table.Continue = list.GetContinue()
		table.RemainingItemCount = list.GetRemainingItemCount()
	} else if one, err := meta.CommonAccessor(object); err == nil {
		table.ResourceVersion = one.GetResourceVersion()
	}
	if options, ok := tableOptions.(*metav1.TableOptions); !ok || !options.NoHeaders {
		table.ColumnDefinitions = c.Columns
	}
	return &table, nil
}

func each(object runtime.Object, do func(runtime.Object) error) error {
	if meta.IsListType(object) {
		return meta.EachListItem(object, do)
	}
	return do(object)
}

// NameColumn is the first column of every table.
func NameColumn() metav1.TableColumnDefinition {
	return metav1.TableColumnDefinition{Name: "Name", Type: "string", Format: "name", Description: "Name of the object, unique in its namespace for its kind."}
}

// AgeColumn is the last column of every table.
func AgeColumn() metav1.TableColumnDefinition {
	return metav1.TableColumnDefinition{Name: "Age", Type: "string", Description: "Time since the object was created."}
}

// Since is the time that has passed, as people write it.
func Since(t, now time.Time) string {
	if t.IsZero() {
		return "<unknown>"
	}
	return duration.HumanDuration(now.Sub(t))
}

// Revision names a commit as "main@5f2c1e9".
func Revision(name, commit string) string {
	const short = 7
	if len(commit) > short {
		commit = commit[:short]
	}
	switch {
	case commit == "":
		return None
	case name == "":
		return commit
	}
	return Line(name, 60) + "@" + commit
}

// Line makes text fit for one cell: one line, no control characters, and no longer than a number of runes.
func Line(text string, runes int) string {
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
	if all := []rune(text); len(all) > runes {
		return string(all[:runes-1]) + "…"
	}
	return text
}
