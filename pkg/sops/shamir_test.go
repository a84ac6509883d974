package sops

import "testing"

func TestFieldHasInverses(t *testing.T) {
	for a := 1; a < 256; a++ {
		if got := multiply(byte(a), invert(byte(a))); got != 1 {
			t.Errorf("%d times its inverse is %d", a, got)
		}
	}
	// An example of FIPS 197, section 4.2.
	if got := multiply(0x57, 0x83); got != 0xc1 {
		t.Errorf("57 times 83 is %x", got)
	}
}

func TestCombineRefuses(t *testing.T) {
	for name, shares := range map[string][][]byte{
		"none":         nil,
		"one":          {{1, 2}},
		"empty":        {{1}, {2}},
		"unequal":      {{1, 2, 1}, {1, 2}},
		"longer later": {{1, 1}, {1, 2, 2}},
		"same point":   {{1, 7}, {2, 7}},
	} {
		if got, err := combine(shares); err == nil {
			t.Errorf("%s: %v", name, got)
		}
	}
}
