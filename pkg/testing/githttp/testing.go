package githttp

import "testing"

// New starts a server over a temporary folder that ends with the test.
func New(tb testing.TB) *Server {
	tb.Helper()
	return NewWith(tb, Options{Dir: tb.TempDir()})
}

// NewWith is New with options.
func NewWith(tb testing.TB, o Options) *Server {
	tb.Helper()
	s, err := Start(o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// Must returns a value or fails the test: githttp.Must(repo.Commit(files))(t).
func Must[T any](value T, err error) func(testing.TB) T {
	return func(tb testing.TB) T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return value
	}
}
