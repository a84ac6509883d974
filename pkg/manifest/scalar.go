package manifest

import (
	"encoding/base64"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	yaml "go.yaml.in/yaml/v3"
)

const quotedStyles = yaml.DoubleQuotedStyle | yaml.SingleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle

// scalar is what kubectl makes of a scalar: YAML 1.1 as sigs.k8s.io/yaml reads it, then JSON numbers as Kubernetes
// decodes them. Dates stay text.
func scalar(n *yaml.Node) (any, *Error) {
	if err := checkTag(n, "!!str", "!!int", "!!float", "!!bool", "!!null", "!!timestamp", "!!binary"); err != nil {
		return nil, err
	}
	if n.Style&yaml.TaggedStyle != 0 {
		return taggedScalar(n)
	}
	if n.Style&quotedStyles != 0 {
		return n.Value, nil
	}
	return finite(n, plainScalar(n.Value))
}

func taggedScalar(n *yaml.Node) (any, *Error) {
	tag := n.ShortTag()
	var value any = n.Value
	fits := true
	switch tag {
	case "!!binary":
		data, err := base64.StdEncoding.DecodeString(n.Value)
		value, fits = string(data), err == nil && utf8.Valid(data)
	case "!!null":
		value = plainScalar(n.Value)
		fits = value == nil
	case "!!bool":
		value = plainScalar(n.Value)
		_, fits = value.(bool)
	case "!!int":
		value = plainScalar(n.Value)
		_, fits = value.(int64)
	case "!!float":
		value = plainScalar(n.Value)
		switch value.(type) {
		case int64, float64:
		default:
			fits = false
		}
	}
	if !fits {
		return nil, faultAt(n.Line, Invalid, "the value does not fit its tag %s; remove the tag or correct the value", tag)
	}
	return finite(n, value)
}

func finite(n *yaml.Node, value any) (any, *Error) {
	if f, ok := value.(float64); ok && (math.IsNaN(f) || math.IsInf(f, 0)) {
		return nil, faultAt(n.Line, Invalid, "infinity and not-a-number cannot be sent to Kubernetes; quote the value if it is meant as text")
	}
	return value, nil
}

// plainScalar resolves a scalar without quotes: nil, bool, int64, float64 or string.
func plainScalar(s string) any {
	if s == "" {
		return nil
	}
	switch c := s[0]; {
	case c == '.':
		return dotted(s)
	case c == '+' || c == '-' || '0' <= c && c <= '9':
		return number(s)
	}
	switch s {
	case "~", "null", "Null", "NULL":
		return nil
	case "y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON":
		return true
	case "n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF":
		return false
	}
	return s
}

func dotted(s string) any {
	switch s {
	case ".nan", ".NaN", ".NAN":
		return math.NaN()
	case ".inf", ".Inf", ".INF":
		return math.Inf(1)
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		return jsonNumber(f)
	}
	return s
}

func number(s string) any {
	switch s {
	case "+.inf", "+.Inf", "+.INF":
		return math.Inf(1)
	case "-.inf", "-.Inf", "-.INF":
		return math.Inf(-1)
	}
	plain := strings.ReplaceAll(s, "_", "")
	if i, err := strconv.ParseInt(plain, 0, 64); err == nil {
		return i
	}
	if u, err := strconv.ParseUint(plain, 0, 64); err == nil {
		return float64(u)
	}
	if strings.Trim(plain, "0123456789.eE+-") == "" {
		if f, err := strconv.ParseFloat(plain, 64); err == nil {
			return jsonNumber(f)
		}
	}
	return s
}

// jsonNumber is what a float becomes on its way through JSON: an int64 where it is written there without a point.
// encoding/json writes floats below 1e21 without an exponent.
func jsonNumber(f float64) any {
	if f == math.Trunc(f) && math.Abs(f) < 1e21 {
		if i, err := strconv.ParseInt(strconv.FormatFloat(f, 'f', -1, 64), 10, 64); err == nil {
			return i
		}
	}
	return f
}

// key is the text of a mapping's key. Whole numbers and booleans become text, as kubectl does it; what kubectl would
// refuse or change (1.20 would become 1.2) is an error.
func (c *converter) key(n *yaml.Node) (string, *Error) {
	named := n
	if n.Kind == yaml.AliasNode {
		named = n.Alias
	}
	if named.Kind != yaml.ScalarNode {
		return "", faultAt(n.Line, Invalid, "a list or mapping cannot be a key; if this is a template ({{ … }}), render it first or quote it")
	}
	value, err := c.value(n, 1)
	if err != nil {
		return "", err
	}
	switch v := value.(type) {
	case string:
		return v, nil
	case int64:
		if !strings.ContainsAny(named.Value, ".eE") || strings.ContainsAny(named.Value, "xX") {
			return strconv.FormatInt(v, 10), nil
		}
	case bool:
		return strconv.FormatBool(v), nil
	}
	return "", faultAt(n.Line, Invalid, "a key must be text; put it in quotes")
}
