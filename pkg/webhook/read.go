package webhook

import "fmt"

// Read says what a verified delivery is about. Unlike Provider.Parse it never panics.
func Read(p Provider, d *Delivery) (e *Event, err error) {
	defer recovered(p, &err)
	return p.Parse(d)
}

// NamedURLs are the URLs by which a delivery, verified or not, names its repository. Unlike Provider.URLs it never panics.
func NamedURLs(p Provider, d *Delivery) (urls []string, err error) {
	defer recovered(p, &err)
	return p.URLs(d)
}

// recovered does not repeat what the panic said: that may be a piece of the body.
func recovered(p Provider, err *error) {
	if recover() != nil {
		*err = fmt.Errorf("%w: %w (%s)", ErrMalformed, ErrPanic, p.Name())
	}
}
