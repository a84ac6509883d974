package manifest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Cut is a field that was taken out of an object.
type Cut struct {
	// Path holds the names of fields and the numbers of list items that lead to it.
	Path  []string
	Value any
}

// CutField takes the fields that a JSON pointer (RFC 6901) names out of an object's content; "*" stands for every item of a list. What is
// not there is passed over. The content is not changed: the answer shares with it what did not have to change. A list item cannot be
// taken out by itself, as the items after it would get other numbers.
func CutField(content map[string]any, pointer string) (map[string]any, []Cut, error) {
	unescape := strings.NewReplacer("~1", "/", "~0", "~")
	steps := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	for i, step := range steps {
		steps[i] = unescape.Replace(step)
	}
	c := cutter{}
	rest, err := c.cut(content, steps, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("the pointer %s: %w", quote(pointer), err)
	}
	return rest.(map[string]any), c.cuts, nil
}

type cutter struct {
	cuts []Cut
}

func (c *cutter) cut(at any, steps, path []string) (any, error) {
	switch content := at.(type) {
	case map[string]any:
		return c.cutIn(content, steps, path)
	case []any:
		if len(steps) == 1 {
			return nil, fmt.Errorf("names an item of a list; name a field in it, or the list")
		}
		return c.cutInItems(content, steps, path)
	}
	return at, nil
}

func (c *cutter) cutIn(content map[string]any, steps, path []string) (any, error) {
	value, ok := content[steps[0]]
	if !ok {
		return content, nil
	}
	path = append(slices.Clone(path), steps[0])
	if len(steps) == 1 {
		c.cuts = append(c.cuts, Cut{Path: path, Value: value})
		content = maps.Clone(content)
		delete(content, steps[0])
		return content, nil
	}
	before := len(c.cuts)
	inner, err := c.cut(value, steps[1:], path)
	if err != nil || len(c.cuts) == before {
		return content, err
	}
	content = maps.Clone(content)
	content[steps[0]] = inner
	return content, nil
}

func (c *cutter) cutInItems(list []any, steps, path []string) (any, error) {
	before := len(c.cuts)
	cutList := slices.Clone(list)
	for i, item := range list {
		number := strconv.Itoa(i)
		if steps[0] != "*" && steps[0] != number {
			continue
		}
		inner, err := c.cut(item, steps[1:], append(slices.Clone(path), number))
		if err != nil {
			return nil, err
		}
		cutList[i] = inner
	}
	if len(c.cuts) == before {
		return list, nil
	}
	return cutList, nil
}
