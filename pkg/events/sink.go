package events

import "net/url"

// Sink is where events are sent.
type Sink struct {
	// URL, http or https.
	URL string
	// Trusted is a sink that the installation names. Any other is a tenant's, and is refused addresses of this machine and its link.
	Trusted bool
}

// address parses the sink's URL; nil if nothing can be sent there. There is no error, as it would hold the URL.
func (s Sink) address() *url.URL {
	if len(s.URL) > maxURL {
		return nil
	}
	u, err := url.Parse(s.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Opaque != "" || u.Hostname() == "" {
		return nil
	}
	return u
}

// origin is as much of a sink's URL as a log may hold: user, path and query can be secrets.
func origin(u *url.URL) string {
	return u.Scheme + "://" + u.Host
}
