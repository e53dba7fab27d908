package hostlimit

import (
	"testing"

	"golang.org/x/time/rate"
)

func TestRates(t *testing.T) {
	r, err := ParseRates([]string{"7", "flickr=2.5", "Example.com=0"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]rate.Limit{
		"anything.org": 7, "c1.staticflickr.com": 2.5, "www.flickr.com": 2.5, "example.com": rate.Inf, "notflickr.com": 7,
	} {
		if got := r.of(groupOf(host)); got != want {
			t.Errorf("%s: %v, want %v", host, got, want)
		}
	}
	for host, want := range map[string]rate.Limit{"s3.amazonaws.com": rate.Inf, "farm1.staticflickr.com.": 1} {
		if got := Rates(nil).of(groupOf(host)); got != want {
			t.Errorf("default of %s: %v, want %v", host, got, want)
		}
	}
	if r, err = ParseRates([]string{"s3=9"}, map[string]string{"s3": "open-images-dataset.s3.amazonaws.com"}); err != nil || r.of(groupOf("open-images-dataset.s3.amazonaws.com")) != 9 {
		t.Errorf("the mirror: got %v, %v", r, err)
	}
	// An address has one rate, however it is written.
	if r, err = ParseRates([]string{"[0:0::1]=3"}, nil); err != nil || r.of(groupOf("::1")) != 3 || r.of(groupOf("0::0001")) != 3 {
		t.Errorf("got %v, %v", r, err)
	}
	// One of Flickr's hosts stands for all of them.
	if r, err = ParseRates([]string{"live.staticflickr.com=0.5"}, nil); err != nil || r.of(groupOf("farm1.staticflickr.com")) != 0.5 {
		t.Errorf("got %v, %v", r, err)
	}
	for _, bad := range []string{"", "x", "-1", "a=b", "NaN", "Inf", "=1", "http://x=1", "example.com:80=1", "[::1]:80=1"} {
		if _, err := ParseRates([]string{bad}, nil); err == nil {
			t.Errorf("%q was taken for a rate", bad)
		}
	}
}
