package git

import "testing"

func TestSSHAddress(t *testing.T) {
	for raw, want := range map[string]string{
		"ssh://git@h/a": "h:22", "ssh://h:22/a": "h:22", "git@h:a/b": "h:22", "git@[::1]:a": "[::1]:22", "ssh://git@[::1]:2222/a": "[::1]:2222",
		"https://h/a": "", "a": "",
	} {
		if got := SSHAddress(raw); got != want {
			t.Errorf("%s is at %q, want %q", raw, got, want)
		}
	}
}
