from django.urls import path

from . import views

urlpatterns = [
    path("", views.index, name="outbox"),
    path("since/<int:pk>/", views.since, name="outbox-since"),
    path("move/", views.move, name="outbox-move"),
    path("<int:pk>/", views.letter, name="outbox-letter"),
    path("<int:pk>/html/", views.html, name="outbox-html"),
]
