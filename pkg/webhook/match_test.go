package webhook

import "testing"

func TestMatches(t *testing.T) {
	main, dev := Change{Ref: "refs/heads/main", Commit: commit}, Change{Ref: "refs/heads/dev", Commit: other}
	tag, pull := Change{Ref: "refs/tags/v1", Commit: commit}, Change{Ref: "refs/pull/1/head", Commit: commit}
	gone := Change{Ref: "refs/heads/main", Deleted: true}
	for name, test := range map[string]struct {
		ref     RefSpec
		event   Event
		want    *Change
		matches bool
	}{
		"branch":                      {RefSpec{Branch: "main"}, Event{Changes: []Change{dev, main}}, &main, true},
		"another branch":              {RefSpec{Branch: "main"}, Event{Changes: []Change{dev, tag}}, nil, false},
		"not the tag of that name":    {RefSpec{Branch: "v1"}, Event{Changes: []Change{tag}}, nil, false},
		"not the branch of that name": {RefSpec{Tag: "main"}, Event{Changes: []Change{main}}, nil, false},
		"tag":                         {RefSpec{Tag: "v1", Branch: "main"}, Event{Changes: []Change{main, tag}}, &tag, true},
		"tag before branch":           {RefSpec{Tag: "v2", Branch: "main"}, Event{Changes: []Change{main}}, nil, false},
		"name":                        {RefSpec{Name: "refs/pull/1/head", Tag: "v1"}, Event{Changes: []Change{tag, pull}}, &pull, true},
		"name before tag":             {RefSpec{Name: "refs/pull/1/head", Tag: "v1"}, Event{Changes: []Change{tag}}, nil, false},
		"HEAD": {RefSpec{Name: "HEAD", Branch: "dev"}, Event{DefaultBranch: "main", Changes: []Change{dev, main}},
			&main, true},
		"commit":                       {RefSpec{Commit: commit, Branch: "main"}, Event{Changes: []Change{main}}, nil, false},
		"commit, without changes":      {RefSpec{Commit: commit}, Event{}, nil, false},
		"default branch":               {RefSpec{}, Event{DefaultBranch: "main", Changes: []Change{main}}, &main, true},
		"not the default branch":       {RefSpec{}, Event{DefaultBranch: "main", Changes: []Change{dev}}, nil, false},
		"default branch not told":      {RefSpec{}, Event{Changes: []Change{dev}}, nil, true},
		"default branch not told, tag": {RefSpec{}, Event{Changes: []Change{tag}}, nil, false},
		"default not told, deletion":   {RefSpec{}, Event{Changes: []Change{gone}}, nil, false},
		"without changes":              {RefSpec{Branch: "main"}, Event{}, nil, true},
		"deleted":                      {RefSpec{Branch: "main"}, Event{Changes: []Change{gone, dev}}, &gone, false},
		"deleted and created":          {RefSpec{Branch: "main"}, Event{Changes: []Change{gone, main}}, &main, true},
		"created and deleted":          {RefSpec{Branch: "main"}, Event{Changes: []Change{main, gone}}, &gone, false},
		"range":                        {RefSpec{Semver: "1.x", Branch: "main"}, Event{Changes: []Change{main, tag}}, nil, true},
		"range, no tag":                {RefSpec{Semver: "1.x", Branch: "main"}, Event{Changes: []Change{main, pull}}, nil, false},
		"range, tag deleted":           {RefSpec{Semver: "1.x"}, Event{Changes: []Change{{Ref: "refs/tags/v1", Deleted: true}}}, nil, true},
		"range, without changes":       {RefSpec{Semver: "1.x"}, Event{}, nil, true},
		"name before range":            {RefSpec{Semver: "1.x", Name: "refs/heads/main"}, Event{Changes: []Change{tag}}, nil, false},
		"range before tag":             {RefSpec{Semver: "1.x", Tag: "v0"}, Event{Changes: []Change{tag}}, nil, true},
		"ping":                         {RefSpec{Branch: "main"}, Event{Kind: Ping}, nil, false},
		"other":                        {RefSpec{Branch: "main"}, Event{Kind: Other, Changes: []Change{main}}, nil, false},
	} {
		change, matches := Matches(test.ref, &test.event)
		if matches != test.matches || (change == nil) != (test.want == nil) || change != nil && *change != *test.want {
			t.Errorf("%s: %v, %v", name, change, matches)
		}
	}
}
