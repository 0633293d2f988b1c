package http1

import "net/http"

// reasons are the phrases of the known statuses; nothing depends on them.
var reasons = func() (t [600]string) {
	for i := range t {
		t[i] = http.StatusText(i)
	}
	return t
}()

func reason(status int) string {
	if status >= 0 && status < len(reasons) {
		return reasons[status]
	}
	return ""
}
