"""What makes an application fit its surroundings."""
