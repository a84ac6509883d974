package manifest

import (
	"context"
	"encoding/json"
	"fmt"
)

// Documents decodes a YAML or JSON file of any meaning, within the same bounds as manifests. It is for files that another parser is going to
// read, which may know no bounds: what passes here is small once its aliases are written out, and nests no deeper than the limits say. The
// error is an [*Error], which quotes no value of the file.
func Documents(ctx context.Context, file File, limits Limits) (values []any, err error) {
	defer func() {
		if r := recover(); r != nil {
			// The value of the panic may quote the file.
			values, err = nil, fault(Invalid, "the parser failed on this file (%T); write it more plainly", r).at(Origin{File: file.Path})
		}
	}()
	d := &decoder{ctx: ctx, file: file, limits: limits.withDefaults(), loose: true}
	bad := checkFile(file, d.limits)
	if bad == nil {
		bad = d.read()
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("parse %s: %w", file.Path, err)
	}
	if bad != nil {
		return nil, bad.at(Origin{File: file.Path})
	}
	return d.values, nil
}

// Rendered is an object that another tool made.
type Rendered struct {
	// File is where it comes from, a path from the repository root.
	File string
	JSON json.RawMessage
}

// FromRendered makes objects of what another tool made, with the checks of [Parse] and in the order given. Lines are not known of them.
func FromRendered(ctx context.Context, rendered []Rendered, limits Limits) ([]Object, error) {
	limits = limits.withDefaults()
	files := make([]File, len(rendered))
	for i := range rendered {
		files[i] = File{Path: rendered[i].File, Data: rendered[i].JSON}
	}
	if err := checkTotal(files, limits); err != nil {
		return nil, err
	}
	results := make([]*parsed, len(files))
	eachInParallel(len(files), func(i int) bool {
		results[i] = decode(ctx, files[i], limits)
		return ctx.Err() == nil
	})
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("read what was rendered: %w", err)
	}
	for _, result := range results {
		for i := range result.objects {
			result.objects[i].Origin.Line = 0
		}
		for _, err := range result.errs.Errors {
			err.Line, err.Origin.Line = 0, 0
		}
	}
	return collect(results, limits)
}
