package wording

import "testing"

func TestShorten(t *testing.T) {
	for _, test := range []struct {
		text string
		most int
		want string
	}{
		{"as it is", 8, "as it is"},
		{"a longer text", 8, "a lo …"},
		{"ääääää", 8, "ää …"},
		{"ääääääääää", 12, "ääää …"},
		{"abc", 3, "abc"},
	} {
		if got := Shorten(test.text, test.most); got != test.want || len(got) > test.most {
			t.Errorf("%q in %d bytes is %q, want %q", test.text, test.most, got, test.want)
		}
	}
}
