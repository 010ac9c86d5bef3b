"""A site that includes the package at a prefix of its own."""

from django.urls import include, path

urlpatterns = [path("post/", include("wagtail_drip.urls"))]
